"""The real `dispatch` and `run_report` on servers over one store, called as the queue and a subscriber call them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import urllib3

from infra.local.folder import furnish
from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.model.changes import Changed, Workload
from shared.model.experiments import Experiment, Manifest, SyncState
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Cluster, GitOps, Project, Safety
from shared.model.runs import Run
from shared.model.triggers import Trigger
from shared.rules.keys import internal_key, subscriber_key
from shared.services.ledger import stamp
from shared.services.tables import BLOBS, CLUSTERS, EVENTS, EXPERIMENTS, MEMBERS, PROJECTS, RUNS, SYNCS
from shared.wire import cloudevents
from shared.wire.standard_webhooks import sign
from tests.gitserver import bare, git
from tests.servers import ask

FUNCTIONS = Path(__file__).parents[2] / "functions"


@dataclass
class Pair:
    """A data folder, and the ports of the two functions that use it."""

    folder: Path
    ports: dict[str, int]

    @property
    def store(self) -> SqliteStore:
        return SqliteStore(open_database(self.folder / "litmus-gitops.db"))

    @property
    def master(self) -> bytes:
        return bytes.fromhex((self.folder / "keys" / "master").read_text().strip())

    def deliver(self, message: Message, key: bytes | None = None) -> int:
        """Hand a message over as the queue does."""
        body = cloudevents.encode(message)
        headers = sign(key or internal_key(self.master), message.id, int(time.time()), body)
        path = f"/internal/{message.function}"
        return ask(self.ports["dispatch"], "POST", path, body, content_type=cloudevents.MEDIA_TYPE, **headers).status

    def work(self) -> list[int]:
        """Deliver every message that is due to dispatch, until there are none."""
        queue, done = SqliteQueue(open_database(self.folder / "litmus-gitops.db")), []
        while claims := queue.receive(10, 30):
            for claimed in claims:
                queue.ack(claimed)
                if claimed.message.function == "dispatch":
                    done.append(self.deliver(claimed.message))
        return done

    def subscriber(self, method: str, path: str, body: Any = b"", **headers: str) -> urllib3.BaseHTTPResponse:
        """Call as the subscriber of cluster c1."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = sign(subscriber_key(self.master, "c1", 1), new_id(), int(time.time()), raw)
        port = self.ports["dispatch" if path.startswith("/orders") else "run_report"]
        return ask(port, method, path, raw or None, **{"content_type": "application/json"} | signed | headers)

    def change(self) -> Message:
        """Store a change that triggers, and return the message about it."""
        name = new_id()
        trigger = Trigger(Workload("c1", "Deployment", "shop", "web"), "u", (Changed("spec", "d"),), ("kill",))
        detail = {"trigger": msgspec.to_builtins(trigger)}
        event = Event(name, stamp(utc_now), "change", "triggered", "", "Deployment/shop/web", detail)
        self.store.commit([EVENTS.put(event, "shop", "change", name)])
        return Message(new_id(), "dispatch", "change", {"project": "shop", "change": name})

    def runs(self) -> list[Run]:
        """Return the project's runs, oldest first."""
        return [RUNS.read(row).value for row in self.store.query(RUNS.partition("shop"))]


def prepare(folder: Path) -> None:
    """Make the data folder, a repository, and a project that enforces with one experiment and one cluster."""
    furnish(folder)
    repository = bare(folder / "chaos.git")
    tree = git("hash-object", "-t", "tree", "-w", "--stdin", cwd=repository, given=b"")
    head = git("commit-tree", tree, "-m", "x", cwd=repository)
    git("update-ref", "refs/heads/main", head, cwd=repository)
    gitops = GitOps(f"file://{repository}", "litmus/shop", mode="enforce")
    manifest = Manifest("Workflow", "kill")
    experiment = Experiment("kill", "k.yaml", "b" * 40, head, "synced", "", name="kill", manifest=manifest)
    cluster = Cluster("c1", "shop", "c1", "")
    SqliteStore(open_database(folder / "litmus-gitops.db")).commit(
        [
            PROJECTS.put(Project("shop", "Shop", "", gitops, Safety(cooldown="0s")), "shop"),
            SYNCS.put(SyncState(commit=head, head=head), "shop"),
            EXPERIMENTS.put(experiment, "shop", "kill"),
            BLOBS.put(b"kind: Workflow\n", "shop", "b" * 40),
            CLUSTERS.put(cluster, "c1"),
            MEMBERS.put(cluster, "shop", "c1"),
        ]
    )
