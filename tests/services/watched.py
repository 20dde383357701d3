"""A project with clusters on a real store, and signals of one Deployment in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec

from shared.clients.ids import new_id
from shared.clients.sqlite import Database, SqliteStore
from shared.model.calls import Answer, Call
from shared.model.changes import KeptReview
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.policies import Policy, PolicyBook
from shared.model.projects import Cluster, GitOps, Project, Safety
from shared.model.records import Key, Record, Write
from shared.model.triggers import Trigger
from shared.ports.state import Batch
from shared.rules import keys
from shared.services.admission import Admission
from shared.services.audit import Audit
from shared.services.intake import Intake
from shared.services.portal_records import listed
from shared.services.sightings import Sightings
from shared.services.tables import CLUSTERS, EVENTS, KEPT, POLICIES, PROJECTS, TRACKED
from shared.services.turns import Turns
from shared.services.watching import Watch
from tests.clients.conformance.engines import ManualClock

DELIVERIES = Path(__file__).parent.parent / "deliveries"
MASTER = bytes(range(32))
WEB = "Deployment/default/web"
KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
LOOSE = Safety(cooldown="0s", storm=None, ignore_rollbacks=False, ignore_zero=False)


def _nobody() -> None:
    """Meddle with nothing."""


class CountingStore:
    """The real store, with a count of what was asked of it; `held` acts before each, meddlers before commits."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.calls: Counter[str] = Counter()
        self.messages: list[Message] = []
        self.meddlers: Iterator[Callable[[], None]] = iter(())
        self.held: Callable[[], object] = _nobody

    def get(self, key: Key) -> Record | None:
        self.calls["get"] += 1
        self.held()
        return self.store.get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        self.calls["get_many"] += 1
        self.held()
        return self.store.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Record]:
        self.calls["query"] += 1
        self.held()
        return self.store.query(partition, prefix=prefix, after=after, limit=limit, newest_first=newest_first)

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        self.calls["query"] += 1
        self.held()
        return self.store.query_many(partitions, limit)

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        self.calls["commit"] += 1
        self.held()
        next(self.meddlers, _nobody)()
        self.store.commit(writes, messages)
        self.messages.extend(messages)

    def commit_each(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.commit(*batch)

    def drawn(self, action: str) -> list[Message]:
        """Return the messages of an action, which are then gone."""
        found = [one for one in self.messages if one.action == action]
        self.messages = [one for one in self.messages if one.action != action]
        return found

    def tidy(self, limit: int = 1000) -> int:
        return self.store.tidy(limit)


class House:
    """Project `shop` in mode enforce with the clusters c1 and c2."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.database = Database(folder / "state.sqlite", patience=0.05)
        self.store = CountingStore(SqliteStore(self.database, self.clock))
        self.counted: Counter[str] = Counter()
        self.watch = Watch(self.store, self.clock, MASTER)
        self.turns = Turns(Sightings(self.watch, new_id, KINDS), self.count)
        self.admission = Admission(self.watch, self.turns, self.count, Intake(self.store))
        self.audit = Audit(self.watch, self.turns, self.count)
        self.settle()
        for cluster in ("c1", "c2"):
            self.store.commit([CLUSTERS.put(Cluster(cluster, "shop", cluster, "2026-01-01T00:00:00.000Z"), cluster)])
        self.store.calls.clear()

    def count(self, name: str, **labels: str) -> None:
        assert name == "litmus_gitops_reviews_total"
        self.counted[labels["outcome"]] += 1

    def settle(self, safety: Safety = LOOSE, **gitops: Any) -> None:
        """Store the project with these settings."""
        settings = GitOps(**{"repo_url": "file:///r", "path": "litmus/shop", "mode": "enforce", **gitops})
        project = Project("shop", "shop", "2026-01-01T00:00:00.000Z", settings, safety)
        self.store.commit([PROJECTS.put(project, "shop")])

    def policies(self, *policies: Policy) -> None:
        """Store the project's policies."""
        self.store.commit([POLICIES.put(PolicyBook(policies), "shop")])

    def admit(self, review: dict[str, Any] | bytes, cluster: str = "c1", **call: Any) -> Answer:
        """Let a second pass, send a review, and decide on it."""
        self.clock.advance(1)
        answer = self.admission.admit(self.call("admission", review, cluster, **call))
        self.decide()
        return answer

    def decide(self) -> None:
        """Work off the messages that reviews were kept."""
        for asked in self.store.drawn("reviews"):
            self.turns.reviews(asked)

    def waiting(self, subject: str = WEB) -> list[KeptReview]:
        """Return the reviews of a workload of cluster c1 that are yet to be decided on."""
        return [row.value for row in listed(self.store.store, KEPT, "c1", subject)]

    def hear(self, batch: dict[str, Any] | bytes, cluster: str = "c1", **call: Any) -> Answer:
        """Send a batch of audit events and let a second pass."""
        self.clock.advance(1)
        return self.audit.hear(self.call("audit", batch, cluster, **call))

    def call(self, purpose: str, body: dict[str, Any] | bytes, cluster: str, **fields: Any) -> Call:
        """Return the call of an API server that has the right token."""
        token = keys.token(MASTER, purpose, cluster, 1)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        params = {"cluster": cluster, "token": token}
        return Call(
            **{"method": "POST", "path": f"/{purpose}/{cluster}/{token}", "params": params, "body": raw, **fields}
        )

    def rows(self) -> list[Event]:
        """Return the ledger's changes, oldest first."""
        return [EVENTS.read(record).value for record in self.store.store.query(EVENTS.partition("shop", "change"))]

    def verdicts(self) -> list[str]:
        """Return the verdicts of the ledger's changes, oldest first."""
        return [row.verdict for row in self.rows()]

    def tracked(self, subject: str = WEB, cluster: str = "c1") -> Any:
        """Return what is tracked of a workload, None if nothing is."""
        found = TRACKED.load(self.store.store, cluster, subject)
        return found.value if found else None


def recorded(name: str) -> dict[str, Any]:
    """Return a recorded review."""
    review: dict[str, Any] = json.loads((DELIVERIES / "admission" / f"{name}.json").read_bytes())
    return review


def batch(name: str = "create-image-scale-env") -> dict[str, Any]:
    """Return a recorded batch of audit events."""
    events: dict[str, Any] = json.loads((DELIVERIES / "audit" / f"{name}.json").read_bytes())
    return events


def altered(review: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Return the review as another request; `image`, `annotations` and `actor` replace those of its new side."""
    made = deepcopy(review)
    request = made["request"]
    request["uid"] = new_id()
    if "image" in parts:
        request["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = parts["image"]
    if "annotations" in parts:
        request["object"]["metadata"]["annotations"].update(parts["annotations"])
    if "actor" in parts:
        request["userInfo"]["username"] = parts["actor"]
    return made


def trigger(event: Event) -> Trigger:
    """Return what a row keeps for dispatch."""
    return msgspec.convert(fields(event)["trigger"], Trigger)


def fields(event: Event) -> dict[str, Any]:
    """Return what a row tells in detail, as JSON."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event.detail))
    return told
