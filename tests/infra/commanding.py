"""The real command as a process, against a real engine that serves a project in a real repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cli.portal import Portal
from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.clients.opening import open_store
from shared.clients.sqlite import open_database, rows
from shared.model.messages import Message
from shared.ports.state import Store
from tests.gitserver import Clone, bare, clone

ROOT = Path(__file__).parents[2]
TOKEN = "the-owners-token"
SECONDS = 20.0
KILL = "kill-1"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(*words: str, given: bytes = b"", cwd: Path = ROOT, **environment: str) -> Done:
    """Run the command with these words, and nothing in its environment but what is given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *words],
        input=given,
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ended.err, ended.err
    return ended


@dataclass
class Served:
    """An engine with the project `shop`, whose repository holds one experiment, and a person's clone of it."""

    engine: Engine
    folder: Path
    person: Clone

    @property
    def store(self) -> Store:
        return open_store(f"sqlite:{self.folder / 'data' / 'litmus-gitops.db'}")

    @property
    def repository(self) -> str:
        return f"file://{self.folder / 'chaos.git'}"

    def __call__(self, *words: str, given: bytes = b"", code: int = 0) -> Done:
        """Run the command against the engine, and claim its exit status."""
        done = self.run(*words, given=given)
        assert (code, words) == (done.code, words), (done.out, done.err)
        return done

    def run(self, *words: str, given: bytes = b"") -> Done:
        """Run the command against the engine, however it ends."""
        return command(*words, given=given, LITMUS_GITOPS_URL=self.engine.url, LITMUS_GITOPS_TOKEN=TOKEN)

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the API past the command."""
        return Portal(self.engine.url, TOKEN).call(method, path, body)

    def bury(self, name: str, function: str, reason: str) -> None:
        """Give a message up, as the queue does after its last attempt."""
        self.store.commit([], [Message(name, function, "anything", {"project": "shop"}, delay=3600)])
        with open_database(self.folder / "data" / "litmus-gitops.db").write() as connection:
            rows.bury(connection, name, reason, "2026-10-30T09:00:00.000Z")

    def until(self, look: Callable[[], Any]) -> Any:
        """Return what a look finds, once it finds something."""
        deadline = time.monotonic() + SECONDS
        while not (found := look()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found

    def enable(self, project: str = "shop", *options: str) -> None:
        """Turn GitOps on and wait until it is synced."""
        self("project", "enable", project, "--repo", self.repository, *options)
        self.until(lambda: self.api("GET", f"/projects/{project}/sync")["state"] == "synced")


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve for as long as the block lasts."""
    bare(folder / "chaos.git")
    person = clone(folder / "chaos.git", folder / "person")
    person.write("litmus/shop/kill.yaml", workflow("kill", KILL))
    person.push()
    settings = LocalSettings(data_dir=folder / "data", port=0, admin_token=TOKEN, threads=8, couriers=4)
    with Engine(settings) as engine:
        made = Served(engine, folder, person)
        made("project", "create", "shop")
        yield made


def workflow(name: str, workflow_id: str) -> str:
    """Return a manifest that is valid."""
    return (
        "apiVersion: argoproj.io/v1alpha1\n"
        "kind: Workflow\n"
        f"metadata: {{name: {name}, namespace: litmus, labels: {{workflow_id: {workflow_id}}}}}\n"
        "spec:\n"
        "  entrypoint: a\n"
        "  templates:\n"
        "  - {name: a, container: {image: busybox}}\n"
    )
