"""What Cloud Run gets: the bundle alone, with functions-framework told to load the entry in place of `main.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bundling
from infra.deployments import GCP
from infra.gcp.own_secrets import reveal
from infra.local.folder import furnish
from shared.errors import Misconfigured
from tests import postgresql
from tests.infra.loop import free_port, send, until
from tests.infra.sites import only_pinned
from tests.infra.stores import on_server


@postgresql.needs_server()
def test_a_bundle_serves_alone_behind_its_entry(tmp_path: Path) -> None:
    bundle = bundling.bundle("reconcile", tmp_path / "build", GCP)
    site, port = only_pinned(bundle, tmp_path / "site"), free_port()
    furnish(tmp_path)
    told = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (bundle, site))),
        "FUNCTION_TARGET": "reconcile",
        "MASTER_KEY": (tmp_path / "keys" / "master").read_text().strip(),
        "STORE_URL": f"{on_server(tmp_path)}&pubsub=projects/acme/topics/litmus",
        "OIDC_AUDIENCE": "https://reconcile-1.run.app",
        "PUBSUB_ACCOUNT": "pubsub@acme.iam.gserviceaccount.com",
        "SCHEDULER_ACCOUNT": "timer@acme.iam.gserviceaccount.com",
    }
    run = "from functions_framework._cli import _cli; _cli()"
    arguments = ["--source", "gcp_entry.py", "--host", "127.0.0.1", "--port", str(port)]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-S", "-c", run, *arguments], cwd=bundle, env=told, stderr=log) as serving,
    ):
        base = f"http://127.0.0.1:{port}"
        until(lambda: serving.poll() is not None or send("GET", f"{base}/healthz") == 200, "the bundle to serve")
        assert serving.poll() is None, (tmp_path / "log").read_text()
        found = [send("POST", f"{base}{path}", b"{}") for path in ("/google/messages", "/google/ticks", "/internal/x")]
        serving.terminate()
    assert [401, 401, 404] == found


def test_own_secrets_are_read_before_anything_else() -> None:
    environment = {"MASTER_KEY": "gcp-sm:projects/acme/secrets/master", "ADMIN_TOKEN": "plain", "OTHER": "gcp-sm:x"}
    reveal(environment, lambda: lambda name: f" the text of {name}\n")
    assert {
        "MASTER_KEY": "the text of projects/acme/secrets/master",
        "ADMIN_TOKEN": "plain",
        "OTHER": "gcp-sm:x",
    } == environment


def test_no_vault_is_opened_where_none_is_named() -> None:
    environment = {"MASTER_KEY": "ab" * 32}
    reveal(environment, lambda: pytest.fail("a vault was opened"))
    assert {"MASTER_KEY": "ab" * 32} == environment


@pytest.mark.parametrize("name", ["litmus-gitops-projects-key", "projects/acme/secrets/litmus-gitops-projects-key"])
def test_a_secret_that_projects_could_name_is_none_of_the_deployments(name: str) -> None:
    with pytest.raises(Misconfigured, match="MASTER_KEY names a secret litmus-gitops-projects-"):
        reveal({"MASTER_KEY": f"gcp-sm:{name}"}, lambda: lambda _: "x")
