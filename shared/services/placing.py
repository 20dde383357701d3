"""Places what starts: an order and a run for each cluster, once, in place of older ones that have not started."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from shared.errors import Stale
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.records import Key, Write
from shared.model.runs import Run
from shared.model.statuses import Concern
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import Start, order_id, prove_order, run_of, run_order
from shared.rules.facts import Refusal
from shared.rules.runs import UNSTARTED
from shared.services.announcements import announced
from shared.services.attempts import until_fresh
from shared.services.batches import bundles
from shared.services.concerns import bearing, concern_of, places
from shared.services.conditions import Conditions
from shared.services.guarding import Guarding
from shared.services.ledger import Ledger, message, stamp
from shared.services.ordering import OPEN, Ordering, lastly, together, triggered
from shared.services.portal_records import listed
from shared.services.remembering import Remembering
from shared.services.succession import UNSENT, Succession
from shared.services.tables import ACTIVE, ORDERS, PROJECTS


@dataclass(frozen=True, slots=True)
class Placing:
    """Makes orders from starts; doing it again makes nothing twice, since a start's ids are always the same."""

    store: Store
    clock: Clock
    ids: Ids

    def place(self, start: Start, origin: str, clusters: Sequence[str]) -> None:
        """Make the orders of a change; other clusters than its origin wait until that has proved the change.

        Older orders that have not gone out wait until it is proved, as this one does for newer ones that came before.
        """
        after = self._prove(start, origin) if any(cluster != origin for cluster in clusters) else None
        orders = [run_order(start, one, self._now, None if one == origin else after) for one in clusters]
        self._make_all(start, orders)
        self._line_up(orders)
        if after:
            self._begin(origin, after)

    def push(self, start: Start, clusters: Sequence[str]) -> None:
        """Make the orders of a push, but where safety refuses; one that did not start gives way to a newer push's."""
        for cluster in clusters:
            order = run_order(start, cluster, self._now)
            refusal = None if self.made_before(start, [cluster]) else self._guarding.refusal(order)
            if refusal and not refusal.wait:
                self.note(start, "refused", refusal, cluster)
            else:
                self._replace_older(start, cluster)
                self.make(start, order)

    def expire(self, start: Start, refusal: Refusal | None) -> None:
        """Record that nothing started in time, and why."""
        why = refusal.reason if refusal else "nobody came to it"
        self.note(start, "expired", Refusal("expiry", f"it was to start by {start.until}: {why}"))

    def made_before(self, start: Start, clusters: Sequence[str]) -> bool:
        """Whether the start has made an order on any of the clusters already."""
        named = [ORDERS.key(cluster, order_id(start.id, start.experiment.id, cluster)) for cluster in clusters]
        return bool(self.store.get_many(named))

    def make(self, start: Start, order: Dispatched, by: str = "") -> Run:
        """Make a run and its order, unless they are there already; `by` says who asked for it."""
        run = run_of(start, order)
        self._make(order, run, _reason(start, order, by))
        return run

    def show(self, start: Start, clusters: Sequence[str], conditions: Conditions) -> None:
        """Record what would start if the project did not only observe, by all that is asked before an order goes."""
        for cluster in clusters:
            order = run_order(start, cluster, self._now)
            refusal = self._guarding.refusal(order, observing=True) or self._guarding.monitored(order, conditions)
            would = "would wait" if refusal and refusal.wait else "would not start"
            verb = f"{would} ({refusal.rule}: {refusal.reason})" if refusal else "would start"
            reason = f"{start.experiment.name} {verb} on cluster {cluster}; the project observes"
            self.note(start, "observed", Refusal(refusal.rule if refusal else "mode", reason), cluster)

    def note(self, start: Start, verdict: str, refusal: Refusal, cluster: str = "") -> None:
        """Record, once, why no order was made; what is observed is what it was when it was looked at first."""
        why = () if verdict == "observed" else (refusal.rule, refusal.reason)
        event = order_id(start.id, start.experiment.id, cluster, verdict, *why)
        named = (
            ("experiment", start.experiment.id),
            ("change", start.trigger and start.id),
            ("cluster", cluster),
            ("commit", start.experiment.commit),
        )
        detail = {"rule": refusal.rule, "cause": start.cause, "action": "run", "cluster": cluster}
        _, row = Ledger(self.clock, self.ids).row(
            start.project,
            "order",
            verdict=verdict,
            reason=refusal.reason,
            subject=start.experiment.id,
            detail={name: value for name, value in detail.items() if value},
            links=[(rel, record) for rel, record in named if record],
            event_id=event,
        )
        writes, messages = self._bears(start, verdict, refusal, cluster)
        with suppress(Stale):
            self.store.commit([row, *writes], [*messages, *self._announced(start.project, verdict, event)])

    def _announced(self, project: str, verdict: str, event: str) -> tuple[Message, ...]:
        found = PROJECTS.load(self.store, project)
        return announced(found.value if found else None, "order", verdict, event)

    def _bears(
        self, start: Start, verdict: str, refusal: Refusal, cluster: str
    ) -> tuple[tuple[Write, ...], tuple[Message, ...]]:
        """Return what makes it count for the statuses of the commits that wait for a run; a person was told already."""
        project = PROJECTS.load(self.store, start.project)
        gitops = project.value.gitops if project else None
        enforced = gitops is not None and gitops.mode == "enforce"
        if start.cause == "person" or not (enforced or start.cause == "push"):
            return (), ()
        verdict = verdict if enforced else "observed"
        concern = Concern(
            start.experiment.id, start.at, cluster, start.subject or "", verdict=verdict, reason=refusal.reason
        )
        named = (start.experiment.commit, *(start.trigger.commits if start.trigger else ()))
        return bearing(self.store, self.ids, start.project, named, concern)

    def _prove(self, start: Start, origin: str) -> str:
        """Make the proof's order; it goes once all that wait for it are there, so that they are looked at together."""
        order = prove_order(start, origin, self._now)
        made = self._ordering.made(order, None, f"cluster {origin} has to prove the change before others start")
        with suppress(Stale):
            self.store.commit(made.writes)
        return order.id

    def _begin(self, origin: str, proof: str) -> None:
        """Have the proof's order looked at, or what waits for it where it ended before all of that was made."""
        found = ORDERS.load(self.store, origin, proof)
        action = "order" if found and found.value.state in OPEN else "proved"
        self.store.commit([], [message(self.ids, "dispatch", action, cluster=origin, order=proof)])

    def _make_all(self, start: Start, orders: Sequence[Dispatched]) -> None:
        """Make orders and their runs in few commits; where some were made before, one by one."""
        near, runs = Remembering(self.store), [run_of(start, order) for order in orders]
        near.get_many([key for order, run in zip(orders, runs, strict=True) for key in _bears_on(order, run)])
        ordering = Ordering(near, self.clock, self.ids)
        made = [ordering.made(order, run, _reason(start, order)) for order, run in zip(orders, runs, strict=True)]
        try:
            self.store.commit_each(
                [(one.writes, list(together(self.ids, one.messages))) for one in bundles(lastly(made))]
            )
        except Stale:
            for order in orders:
                self.make(start, order)

    def _line_up(self, orders: Sequence[Dispatched]) -> None:
        near = Remembering(self.store)
        near.query_many([ACTIVE.partition(order.cluster) for order in orders])
        for order in orders:
            Succession(near, self.clock, self.ids).line_up(order)

    def _make(self, order: Dispatched, run: Run, reason: str) -> None:
        work = self._ordering.made(order, run, reason)
        with suppress(Stale):
            self.store.commit(work.writes, work.messages)

    def _replace_older(self, start: Start, cluster: str) -> None:
        """End what an older push started there and has not gone out: what is pushed is there."""
        for row in listed(self.store, ACTIVE, cluster):
            run = row.value
            same = (run.experiment, run.workload) == (start.experiment.id, None)
            if same and run.state in UNSTARTED:
                until_fresh(partial(self._supersede, start, cluster, run.run))

    def _supersede(self, start: Start, cluster: str, name: str) -> None:
        was = ORDERS.load(self.store, cluster, name)
        if was is None or not _older(was.value, start):
            return
        refusal = Refusal("superseded", f"{_why(start)} came before it started")
        work = self._ordering.ended(was, "superseded", refusal)
        self.store.commit(work.writes, work.messages)

    @property
    def _guarding(self) -> Guarding:
        return Guarding(self.store, self.clock)

    @property
    def _now(self) -> str:
        return stamp(self.clock)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)


def _older(order: Dispatched, start: Start) -> bool:
    """Whether an order that did not start was made by an earlier push: ids sort by time."""
    return order.state in UNSENT and order.parameters.get("cause") == "push" and order.id < start.id


def _bears_on(order: Dispatched, run: Run) -> list[Key]:
    return places(run.project, run.report_to, concern_of(run, triggered(order)))


def _reason(start: Start, order: Dispatched, by: str = "") -> str:
    return f"{by or _why(start)} starts {start.experiment.name} on cluster {order.cluster}"


def _why(start: Start) -> str:
    if start.cause == "push":
        return f"the push of {start.experiment.commit[:12]}"
    return f"change {start.id}" if start.trigger else f"a {start.cause}"
