"""One cluster of a stage: an API server that writes, the portal that hears of it, and a subscriber that proves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shared.clients.ids import new_id
from shared.model.calls import Call
from shared.model.changes import Changed
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.orders import Order
from shared.model.runs import Active, Ended
from shared.rules import guards, keys, sides
from shared.rules.digests import sealing_key, side
from shared.rules.guards import Doubt, Proved
from shared.rules.keys import subscriber_key
from shared.services.admission import Admission
from shared.services.audit import Audit
from shared.services.heartbeats import Heartbeats
from shared.services.intake import Intake
from shared.services.ledger import stamp
from shared.services.sightings import Sightings
from shared.services.tables import ACTIVE, ENDED, TRACKED
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.wire.reports import write_heartbeat
from tests.services.api_writes import NAME, NAMESPACE, ApiWrites, Json, Written
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import Stage

SUBJECT = f"Deployment/{NAMESPACE}/{NAME}"


@dataclass
class Guarded:
    """An order that the subscriber took, and what it has seen of the change since."""

    order: Order
    taken_at: float
    held: bool = False
    first: str = ""
    verdict: str = ""


@dataclass
class WatchedCluster:
    """Cluster `name` of the stage, polled; its subscriber looks whenever `work` is called."""

    stage: Stage
    name: str
    autoscaled: bool = False
    quick: bool = True
    counted: Counter[str] = field(default_factory=Counter)
    taken: dict[str, Guarded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stage.cluster(self.name)
        self.api = ApiWrites(self.stage.clock)
        self.watch = Watch(self.stage.store, self.stage.clock, MASTER)
        self.turns = Turns(Sightings(self.watch, new_id, frozenset({"Deployment"})), self._count)
        self.admission = Admission(self.watch, self.turns, self._count, Intake(self.stage.store))
        self.auditing = Audit(self.watch, self.turns, self._count)
        self.heartbeats = Heartbeats(self.watch, self.turns, self._count)
        self.stage.actions[("workload_admission", "reviews")] = self.turns.reviews
        self.key = sealing_key(subscriber_key(MASTER, self.name, 1))

    def _count(self, name: str, **labels: str) -> None:
        assert name == "litmus_gitops_reviews_total"
        self.counted[labels["outcome"]] += 1

    def tell(self, written: Written, *, reviews: bool = True, audit: bool = False, times: int = 1) -> None:
        """Deliver a request's signals: its reviews in their order, then the audit event, each so many times."""
        for review in written.reviews * reviews:
            self.review(review)
        for _ in range(times * audit):
            self.audit(written.event)

    def review(self, review: Json) -> None:
        """Deliver one review, which is allowed, and decided on at once if messages are `quick`."""
        answer: Any = self.admission.admit(self._call("admission", review)).body
        assert answer["response"] == {"uid": review["request"]["uid"], "allowed": True}
        if self.quick:
            self.turns.reviews(
                Message("", "workload_admission", "reviews", {"cluster": self.name, "workload": SUBJECT})
            )
        self.wait(0.001)

    def audit(self, *events: Json) -> None:
        """Deliver audit events in one batch."""
        self.auditing.hear(
            self._call("audit", {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": list(events)})
        )

    def _call(self, purpose: str, body: Json) -> Call:
        params = {"cluster": self.name, "token": keys.token(MASTER, purpose, self.name, 1)}
        return Call("POST", f"/{purpose}/x", params, body=json.dumps(body).encode())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.clock.advance(seconds)

    def heartbeat(self) -> None:
        """List the cluster's watched workloads to the portal, and send those whole that it asks for."""
        live = self.api.live
        seen = side(live, self.key) if live else None
        told = (
            SeenWorkload("Deployment", NAMESPACE, NAME, seen.uid, seen.digest, seen.generation, sides.marks(seen))
            if seen and seen.watched
            else None
        )
        heartbeat = Heartbeat(stamp(self.stage.clock), workloads=(told,) if told else (), listed=("Deployment",))
        answer: Any = self.stage.reporting.receive(
            self.stage.call(f"/reports/{self.name}", write_heartbeat(heartbeat), self.name)
        ).body
        if answer["send"]:
            assert live
            whole = {"id": new_id(), "at": stamp(self.stage.clock), "object": live, "autoscaled": self.autoscaled}
            body = json.dumps({"sightings": [whole]}).encode()
            self.heartbeats.receive(self.stage.call(f"/changes/{self.name}", body, self.name))

    def work(self) -> None:
        """Dispatch what is due, take the orders that are there, and look at each of those that are open."""
        for _ in range(4):
            self.stage.pump()
            orders = self.stage.poll(self.name)
            for order in orders:
                self.taken.setdefault(order.order, Guarded(order, self.stage.clock.now.timestamp()))
                self.stage.report(order.order, "waiting", self.name)
            pending = [one for one in self.taken.values() if not one.verdict]
            for one in pending:
                self._look(one)
            if not orders and not any(one.verdict for one in pending):
                return
            self.wait(0.001)

    def rest(self, seconds: float) -> None:
        """Let time pass, with a look every ten seconds."""
        self.work()
        while seconds > 0:
            self.wait(min(10.0, seconds))
            seconds -= 10.0
            self.work()

    def _look(self, one: Guarded) -> None:
        assert one.order.guard
        proof = guards.prove(self.api.live, one.order.guard, self.key)
        if isinstance(proof, Proved):
            self._report(one, "completed", "")
            return
        doubt = Doubt(self.stage.clock.now.timestamp() - one.taken_at, one.held, one.first)
        one.first = one.first or getattr(proof, "found", "")
        if why := guards.refusal(proof, doubt):
            self._report(one, "skipped", why)

    def _report(self, one: Guarded, state: str, message: str) -> None:
        one.verdict = state
        self.stage.report(one.order.order, state, self.name, message=message)

    def run(self, *accounts: str) -> None:
        """Have a run on the workload from now on, under these service accounts; none ends it."""
        now = stamp(self.stage.clock)
        if accounts:
            began = Active("chaos", "shop", "other", "running", SUBJECT, (), accounts, now)
            self.stage.store.commit([ACTIVE.put(began, self.name, "chaos")])
            return
        was = ACTIVE.load(self.stage.store, self.name, "chaos")
        assert was
        over = Ended("chaos", "shop", "other", was.value.begun_at, now, SUBJECT, was.value.service_accounts)
        remembered = ENDED.put(over, self.name, f"{now}/chaos")
        self.stage.store.commit([ACTIVE.delete(self.name, "chaos"), remembered])
        self.wait(0.001)

    @property
    def proved(self) -> Counter[Changed]:
        """How many runs were not skipped, by each field that their guards had."""
        done = (one.order.guard for one in self.taken.values() if one.verdict == "completed")
        return Counter(changed for guard in done if guard for changed in guard.changed)

    @property
    def rows(self) -> list[Event]:
        """The ledger's changes of this cluster, oldest first."""
        return [row for row in self.stage.rows("change") if row.detail["cluster"] == self.name]

    @property
    def rules(self) -> list[str]:
        """What became of each change that the ledger notes: `triggered`, else the rule by which it was not."""
        return [row.verdict if row.verdict == "triggered" else str(row.detail["rule"]) for row in self.rows]

    @property
    def tracked(self) -> Any:
        """What is tracked of the workload."""
        found = TRACKED.load(self.stage.store, self.name, SUBJECT)
        return found and found.value
