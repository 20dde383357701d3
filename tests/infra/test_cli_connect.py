"""`litmus-gitops cluster connect`: the real subscriber in the foreground, polling a real portal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.demo.kubernetes_api.server import ApiServer
from infra.demo.stage import free_port
from tests.infra.commanding import KILL, ROOT, Served, command, served


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable("shop", "--enforce")
        yield made


@contextmanager
def connected(portal: Served, folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the block ends, and interrupt it as a person does."""
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "--server", f"{portal.engine.url}/", "cluster", "connect", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HEARTBEAT_SECONDS": "0.5"},
            stdout=log,
            stderr=log,
        )
        try:
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(20)


def test_a_cluster_is_connected_until_it_is_interrupted(portal: Served, tmp_path: Path) -> None:
    made = portal("cluster", "add", "c1", "-p", "shop", "--json").json
    (tmp_path / "secret").write_text(made["subscriber_secret"] + "\n")
    with ApiServer() as api:
        config = str(api.kubeconfig(tmp_path / "config"))
        words = ["c1", "--secret-file", str(tmp_path / "secret"), "--kubeconfig", config, "--port", str(free_port())]
        with connected(portal, tmp_path, *words) as child:
            portal.until(lambda: portal.api("GET", "/projects/shop/clusters")["items"][0]["last_seen"])
            (run,) = portal("experiment", "run", KILL, "-p", "shop", "--json").json
            ended = portal.until(lambda: _ended(portal, run["id"]))
    _end_poll(portal)
    said = (tmp_path / "log").read_text()
    assert "made the namespace litmus-gitops" in said
    assert made["subscriber_secret"] not in said
    assert ("skipped", 0) == (ended["state"], child.returncode), ended
    assert "install its CRD" in ended["message"]


def _end_poll(portal: Served) -> None:
    """Give the poll that the portal still answers an order, so that the engine need not wait for its end."""
    portal.api("POST", f"/projects/shop/experiments/{KILL}/runs", {})
    portal.until(lambda: b"litmus_gitops_long_polls 0" in urllib3.request("GET", f"{portal.engine.url}/metrics").data)


def _ended(portal: Served, run: str) -> Any:
    shown = portal.api("GET", f"/projects/shop/runs/{run}")
    return shown if shown["state"] not in {"queued", "waiting", "running"} else None


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with ApiServer() as api:
        config = api.kubeconfig(tmp_path / "config")
    (tmp_path / "secret").write_text("whsec_YQ==")
    done = command("cluster", "connect", "c1", "--secret-file", str(tmp_path / "secret"), "--kubeconfig", str(config))
    assert (1, True) == (done.code, "the namespace litmus-gitops" in done.err), done


@pytest.mark.parametrize("missing", ["--secret-file", "--kubeconfig"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    (tmp_path / "there").write_text("x")
    given = [
        part
        for option in ("--secret-file", "--kubeconfig")
        if option != missing
        for part in (option, str(tmp_path / "there"))
    ]
    done = command("cluster", "connect", "c1", *given, LITMUS_GITOPS_TOKEN="t")
    assert (2, True) == (done.code, missing in done.err)
