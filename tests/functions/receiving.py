"""The real `git_push` on a server, and what it left in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from infra.local.folder import furnish
from shared.clients.ids import new_id
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import GitOps, Project
from shared.model.traces import records_of
from shared.services.tables import DELIVERIES, EVENTS, PROJECTS, SYNCS
from tests.hosts import SECRET, Fixture

SOURCE = Path(__file__).parents[2] / "functions" / "git_push" / "main.py"
SHOP = GitOps("https://git.example.com/shop.git", "litmus/shop", webhook_secrets=("file:former", "file:hook"))


@dataclass
class Kept:
    """All that a project's deliveries left behind."""

    rows: list[Event]
    deliveries: list[str]
    dirty: int
    messages: list[tuple[str, str, dict[str, str]]]

    @property
    def verdicts(self) -> list[str]:
        return [row.verdict for row in self.rows]


NOTHING = Kept([], [], 0, [])


@dataclass
class Receiver:
    """A data folder, the store in it, and the port of the function that uses both."""

    folder: Path
    port: int
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=20, retries=False, maxsize=8))

    @property
    def store(self) -> SqliteStore:
        return SqliteStore(open_database(self.folder / "litmus-gitops.db"))

    def project(self, gitops: GitOps | None = SHOP) -> str:
        """Add a project and return its id."""
        name = new_id().lower()
        project = Project(name, "Shop", "2026-10-30T09:00:00.000Z", gitops)
        self.store.commit([PROJECTS.put(project, name)])
        return name

    def deliver(self, project: str, given: Fixture, **changed: str) -> urllib3.BaseHTTPResponse:
        """Send a fixture, well signed; `delivery` is its id."""
        return self.send(project, given.body, given.headers(changed.get("delivery", "d-1")))

    def send(self, project: str, body: Any, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Send anything at all; never is it our fault, and never is the secret told."""
        url = f"http://127.0.0.1:{self.port}/git/{project}"
        answer = self.pool.request("POST", url, body, headers=dict(headers))
        assert answer.status < 500, answer.data
        assert SECRET.encode() not in answer.data
        return answer

    def kept(self, project: str) -> Kept:
        """Look at what is stored, and take the project's messages from the queue."""
        store = self.store
        rows = store.query(EVENTS.partition(project, "delivery"))
        assert all(SECRET.encode() not in row.value for row in rows)
        state = store.get(SYNCS.key(project))
        return Kept(
            rows=[EVENTS.read(row).value for row in rows],
            deliveries=[row.key.sort for row in store.query(DELIVERIES.partition(project))],
            dirty=0 if state is None else SYNCS.read(state).value.dirty,
            messages=[(m.function, m.action, records_of(m)) for m in self._messages(project)],
        )

    def _messages(self, project: str) -> list[Message]:
        queue = SqliteQueue(open_database(self.folder / "litmus-gitops.db"))
        claims = queue.receive(10_000, 60)
        for claimed in claims:
            queue.ack(claimed)
        return [claimed.message for claimed in claims if claimed.message.ids.get("project") == project]


def prepare(folder: Path) -> None:
    """Make the data folder with its keys and two webhook secrets."""
    furnish(folder)
    (folder / "secrets" / "former").write_text("some other secret\n")
    (folder / "secrets" / "hook").write_text(SECRET + "\n")
