"""A function that API servers call, on a server, with a store that knows the cluster `c1` of project `shop`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from infra.delivering import signed
from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.opening import utc_now
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.model.ledger import Event
from shared.model.projects import Cluster, GitOps, Project, Safety
from shared.model.traces import records_of
from shared.rules import keys
from shared.rules.keys import internal_key
from shared.services.tables import CLUSTERS, EVENTS, PROJECTS
from tests.servers import SERVERS, load

FUNCTIONS = Path(__file__).parents[2] / "functions"
DELIVERIES = Path(__file__).parents[1] / "deliveries"
GITOPS = GitOps("https://git.example.com/shop.git", "litmus/shop", mode="enforce")
AT = "2026-11-22T20:00:00.000Z"


@dataclass
class Gate:
    """The way in for one purpose (`admission` or `audit`) of the cluster, and what came of what went through."""

    folder: Path
    port: int
    purpose: str
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=20, retries=False, maxsize=8))

    @property
    def token(self) -> str:
        master = bytes.fromhex((self.folder / "keys" / "master").read_text())
        return keys.token(master, self.purpose, "c1", 1)

    def send(self, body: bytes, *, query: str = "?timeout=5s", token: str = "", **headers: str) -> Any:
        """Send what may be anything; never is it our fault."""
        path = f"/{self.purpose}/c1/{token or self.token}"
        named = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        answer = self.pool.request("POST", f"http://127.0.0.1:{self.port}{path}{query}", body, headers=named)
        assert answer.status < 500, answer.data
        assert self.token.encode() not in answer.data
        return answer

    def rows(self) -> list[Event]:
        """Return the ledger's changes, oldest first."""
        store = SqliteStore(open_database(self.folder / "litmus-gitops.db"))
        return [EVENTS.read(row).value for row in store.query(EVENTS.partition("shop", "change"))]

    def decide(self) -> None:
        """Deliver the messages that reviews were kept, as the queue's carrier does."""
        queue = SqliteQueue(open_database(self.folder / "litmus-gitops.db"))
        key = internal_key(bytes.fromhex((self.folder / "keys" / "master").read_text()))
        for claimed in queue.receive(100, 60):
            if claimed.message.action == "reviews":
                headers, body = signed(claimed.message, key, utc_now())
                path = f"http://127.0.0.1:{self.port}/internal/workload_admission"
                assert self.pool.request("POST", path, body, headers=headers).status == 204
                queue.ack(claimed)
            else:
                queue.nack(claimed, "not now", 0, count=False)

    def asked(self) -> list[dict[str, str]]:
        """Return what dispatch was asked for."""
        queue = SqliteQueue(open_database(self.folder / "litmus-gitops.db"))
        claims = queue.receive(100, 60)
        return [records_of(claimed.message) for claimed in claims if claimed.message.action == "change"]


@contextmanager
def gate(folder: Path, purpose: str, server: str) -> Iterator[Gate]:
    """Serve the function in a fresh data folder."""
    furnish(folder)
    database = open_database(folder / "litmus-gitops.db")
    safety = Safety(cooldown="0s", storm=None, ignore_rollbacks=False, ignore_zero=False)
    project, cluster = Project("shop", "Shop", AT, GITOPS, safety), Cluster("c1", "shop", "c1", AT)
    SqliteStore(database).commit([PROJECTS.put(project, "shop"), CLUSTERS.put(cluster, "c1")])
    name = f"workload_{purpose}"
    with applied({"DATA_DIR": str(folder)}):
        app = load(FUNCTIONS / name / "main.py", name)
    with SERVERS[server](app) as port:
        yield Gate(folder, port, purpose)
    database.close()


def recorded(purpose: str, name: str) -> bytes:
    """Return a recorded body."""
    return (DELIVERIES / purpose / f"{name}.json").read_bytes()


def altered(body: bytes, **request: Any) -> bytes:
    """Return a review with other fields in its request."""
    review = json.loads(body)
    review["request"] |= request
    return json.dumps(review).encode()
