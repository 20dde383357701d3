"""Each bundle starts alone in a clean virtual environment from its own requirements, and serves its path."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from infra import bundling
from infra.deployments import AWS, GCP, KUBERNETES, LOCAL, Deployment
from infra.gcp.entry import MESSAGES
from tests import postgresql
from tests.infra.aws import events
from tests.infra.aws.cloud import furnished
from tests.infra.aws.runtime import CLIENT, Runtime
from tests.infra.clean import environment, running
from tests.infra.sites import linked, settings
from tests.infra.stores import on_server
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


def rows(deployment: Deployment, *marks: Any, quick: str = "") -> list[Any]:
    """Return a row for each function of a deployment; all but the quick one, if there is one, are for the soak."""
    of = {name: marks if name == quick else (*marks, pytest.mark.soak) for name in bundling.names(deployment)}
    return [pytest.param(name, id=name, marks=marked) for name, marked in of.items()]


def body(method: str) -> bytes | None:
    return b"{}" if method == "POST" else None


@pytest.mark.parametrize("name", rows(LOCAL, quick="git_push"))
def test_under_functions_framework(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build")
    python = environment(bundle, tmp_path / "venv")
    words = ["functions_framework", "--target", name, "--source", "main.py", "--host", "127.0.0.1", "--port", "PORT"]
    method, path, status = PATHS[name]
    with running(python, bundle, words, settings(tmp_path)) as port:
        assert (status, status) == _told(ask(port, method, path, body(method), content_type="application/json"))


@pytest.mark.parametrize("name", rows(AWS, quick="run_report"))
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


@pytest.mark.parametrize("name", rows(KUBERNETES, postgresql.needs_server()))
def test_under_gunicorn_in_a_pod_beside_postgresql(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build", KUBERNETES)
    python = environment(bundle, tmp_path / "venv")
    told = settings(tmp_path) | {"FUNCTION_TARGET": name, "STORE_URL": on_server(tmp_path)}
    method, path, status = PATHS[name]
    with running(python, bundle, ["gunicorn", "--config", "serving.py"], told) as port:
        answer = ask(port, method, path, body(method), content_type="application/json")
        assert (status, status) == _told(answer)


@pytest.mark.parametrize("name", rows(GCP, postgresql.needs_server()))
def test_under_functions_framework_behind_the_entry_for_google_cloud(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build", GCP)
    python = environment(bundle, tmp_path / "venv")
    told = {
        "FUNCTION_TARGET": name,
        "STORE_URL": f"{on_server(tmp_path)}&pubsub=projects/acme/topics/litmus",
        "OIDC_AUDIENCE": f"https://{name}.run.app",
        "PUBSUB_ACCOUNT": "pubsub@acme.iam.gserviceaccount.com",
        "SCHEDULER_ACCOUNT": "timer@acme.iam.gserviceaccount.com",
    }
    words = ["functions_framework", "--source", "gcp_entry.py", "--host", "127.0.0.1", "--port", "PORT"]
    inside = PATHS[name][1].startswith("/internal/")
    method, path, status = ("POST", MESSAGES, 401) if inside else PATHS[name]
    with running(python, bundle, words, settings(tmp_path) | told) as port:
        answer = ask(port, method, path, body(method), content_type="application/json")
        assert (status, status) == _told(answer)


def _told(answer: Any) -> tuple[int, Any]:
    return answer.status, answer.json()["status"]
