"""Each bundle starts alone in a clean virtual environment from its own requirements, and serves its path."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from infra import bundling
from infra.deployments import AWS, KUBERNETES, LOCAL, Deployment
from tests import postgresql
from tests.infra.aws import events
from tests.infra.aws.cloud import furnished
from tests.infra.aws.runtime import CLIENT, Runtime
from tests.infra.clean import environment, running
from tests.infra.sites import linked, settings
from tests.servers import ask

PATHS = {
    "announce": ("POST", "/internal/announce", 401),
    "dispatch": ("GET", "/orders/c1", 401),
    "git_push": ("POST", "/git/shop", 404),
    "portal": ("GET", "/api/projects", 401),
    "reconcile": ("POST", "/internal/reconcile", 401),
    "run_report": ("POST", "/reports/c1", 401),
    "subscriber": ("POST", "/orders", 401),
    "sync": ("POST", "/internal/sync", 401),
    "workload_admission": ("POST", "/admission/c1/token", 401),
    "workload_audit": ("POST", "/audit/c1/token", 401),
}
"""A path of each function, and how it answers a stranger there."""


def rows(deployment: Deployment, quick: str, *marks: Any) -> list[Any]:
    """Return a row for each function of a deployment; all but the quick one are for the soak."""
    of = {name: marks if name == quick else (*marks, pytest.mark.soak) for name in bundling.names(deployment)}
    return [pytest.param(name, id=name, marks=marked) for name, marked in of.items()]


def body(method: str) -> bytes | None:
    return b"{}" if method == "POST" else None


@pytest.mark.parametrize("name", rows(LOCAL, "git_push"))
def test_under_functions_framework(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build")
    python = environment(bundle, tmp_path / "venv")
    words = ["functions_framework", "--target", name, "--source", "main.py", "--host", "127.0.0.1", "--port", "PORT"]
    method, path, status = PATHS[name]
    with running(python, bundle, words, settings(tmp_path)) as port:
        assert (status, status) == _told(ask(port, method, path, body(method), content_type="application/json"))


@pytest.mark.parametrize("name", rows(AWS, "run_report"))
@pytest.mark.usefixtures("lambda_environment")
def test_under_lambdas_runtime_which_brings_its_own_client_alone(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build", AWS)
    python = environment(bundle, tmp_path / "venv")
    method, path, status = PATHS[name]
    event = events.request(method, path, body(method), {"Content-Type": "application/json"})
    with ExitStack() as parts:
        function = Runtime(bundle, [str(python)], linked(CLIENT, tmp_path / "client"), furnished(), parts)
        answer = function(event)
    assert (status, status) == (answer["statusCode"], json.loads(answer["body"])["status"])


@pytest.mark.parametrize("name", rows(KUBERNETES, "run_report", postgresql.needs_server()))
def test_under_gunicorn_in_a_pod_beside_postgresql(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build", KUBERNETES)
    python = environment(bundle, tmp_path / "venv")
    server = postgresql.server()
    told = settings(tmp_path) | {"FUNCTION_TARGET": name, "STORE_URL": server.url(server.new_schema())}
    method, path, status = PATHS[name]
    with running(python, bundle, ["gunicorn", "--config", "serving.py"], told) as port:
        answer = ask(port, method, path, body(method), content_type="application/json")
        assert (status, status) == _told(answer)


def _told(answer: Any) -> tuple[int, Any]:
    return answer.status, answer.json()["status"]
