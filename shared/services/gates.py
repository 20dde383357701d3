"""Lets orders go, one at a time a cluster: each by the rules of safety as they are at that moment."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.errors import Stale
from shared.model.orders import Dispatched, OrderState
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.reaching import QUICKEST
from shared.rules.runs import UNSTARTED
from shared.rules.succession import NEWER
from shared.services.attempts import until_fresh
from shared.services.batches import batched, bundles
from shared.services.conditions import Conditions
from shared.services.guarding import Guarding, cooling
from shared.services.ledger import reminder
from shared.services.ordering import OPEN, Ordering, Work
from shared.services.overseeing import watching
from shared.services.remembering import Remembering
from shared.services.succession import Succession
from shared.services.tables import ACTIVE, CLUSTERS, GATES, ORDERS, RUNS, Gate, Versioned

_log = logging.getLogger("litmus_gitops.gates")

_GRACE: Final = timedelta(minutes=5)
"""How long after its expiry a report of an order that was taken may still be on its way."""

_PASSED: Final = 100
"""Orders that are looked at together: enough for few waits for the disk, and few enough that the first go soon."""

_ENDS: Final[dict[str, OrderState]] = {"expiry": "expired", "superseded": "superseded"}
"""How an order ends by the rules that have an end of their own."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Decides for each order whether it goes, waits or ends."""

    store: Store
    clock: Clock
    ids: Ids
    conditions: Conditions

    def let_go(self, cluster: str, order: str) -> Versioned[Dispatched] | None:
        """Return the order if it may be given to its cluster now; what it waits for, or why it ended, is recorded."""
        return until_fresh(lambda: self._let_go(cluster, order))

    def send_on(self, cluster: str, order: str) -> None:
        """Do the same, and have the order sent if it goes from now on: both in one commit."""
        until_fresh(lambda: self._send_on(cluster, order))

    def let_all_go(self, asked: Iterable[tuple[str, str]]) -> Iterator[list[Versioned[Dispatched]]]:
        """Do the same with (cluster, order) pairs, one a cluster, and yield those that may be given now, as they pass.

        Most pass, so those are written together; where somebody else was faster, each is looked at by itself.
        """
        for page in batched(asked, _PASSED):
            try:
                near = replace(self, store=_near(self.store, page))
                looked = [near.look(*one) for one in page]
                passed = [work for work, order in looked if order]
                self.store.commit_each([(one.writes, one.messages) for one in bundles(passed)])
                going = [order for _, order in looked if order]
                others = [one for one, (_, order) in zip(page, looked, strict=True) if not order]
            except Exception:  # noqa: BLE001 - the same goes wrong again below, with the one that it is about
                going, others = [], page
            yield going
            yield [order for one in others if (order := self._by_itself(*one))]

    def end(self, was: Versioned[Dispatched], refusal: Refusal) -> None:
        """End an order that cannot go, and its run with it; whoever wrote it meanwhile was right."""
        with suppress(Stale):
            self._commit(self._ended(was, refusal))

    def _by_itself(self, cluster: str, order: str) -> Versioned[Dispatched] | None:
        """Let one go; whatever goes wrong with it is shown by a message of its own, and holds up no other."""
        try:
            return self.let_go(cluster, order)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("order %s is looked at by itself: %s", order, type(error).__name__)
            self.store.commit([], [reminder("dispatch", "order", QUICKEST, cluster=cluster, order=order)])
            return None

    def _let_go(self, cluster: str, name: str) -> Versioned[Dispatched] | None:
        work, going = self.look(cluster, name)
        self._commit(work)
        return going

    def _send_on(self, cluster: str, name: str) -> None:
        work, going = self.look(cluster, name)
        due = (self._ordering.due(going.value),) if going and work.writes else ()
        self._commit(work + Work((), due))

    def look(self, cluster: str, name: str) -> tuple[Work, Versioned[Dispatched] | None]:
        """Return what an order's look writes, and the order as it is then if it may go."""
        gate, was = GATES.load_or(self.store, Gate(), cluster), ORDERS.load(self.store, cluster, name)
        if was is None or was.value.state not in OPEN:
            return Work(), None
        refusal = self._refusal(was.value)
        if refusal and not refusal.wait:
            return self._ended(was, refusal), None
        if was.value.state in {"ready", "taken"}:
            return Work(), was if was.value.state == "ready" else None
        if refusal:
            return self._waiting(was, refusal), None
        return self._passed(gate, was)

    def _refusal(self, order: Dispatched) -> Refusal | None:
        if order.state == "taken":
            return self._lost(order)
        guarding = Guarding(self.store, self.clock)
        refusal = guarding.refusal(order)
        if refusal is None or refusal.wait:
            refusal = self._unproved(order) or self._succession.refusal(order) or refusal
        return refusal if refusal or order.state == "ready" else guarding.monitored(order, self.conditions)

    def _lost(self, order: Dispatched) -> Refusal | None:
        """Say that a run which was taken did not start in time; evidence that it did overrides this."""
        run = RUNS.load(self.store, order.project, order.run) if order.run else None
        if run is None or run.value.state not in UNSTARTED:
            return None
        if self.clock() < datetime.fromisoformat(order.not_after) + _GRACE:
            return None
        return Refusal("expiry", f"its cluster took it and did not start it by {order.not_after}")

    def _unproved(self, order: Dispatched) -> Refusal | None:
        if not (order.after and order.origin):
            return None
        proof = ORDERS.load(self.store, order.origin, order.after)
        if proof and proof.value.state == "done":
            return None
        if proof and proof.value.state in OPEN:
            return Refusal("proof", f"cluster {order.origin} has to prove the change first", wait=True)
        return Refusal("proof", f"cluster {order.origin} did not prove the change: {proof and proof.value.reason}")

    def _ended(self, was: Versioned[Dispatched], refusal: Refusal) -> Work:
        state = _ENDS.get(refusal.rule, "refused")
        return self._ordering.ended(was, state, refusal, "expired" if state == "expired" else "skipped")

    def _waiting(self, was: Versioned[Dispatched], refusal: Refusal) -> Work:
        """Return what an order's waiting writes, once for each rule, and each change, that it waits for."""
        if was.value.rule == refusal.rule and (refusal.rule != NEWER or was.value.reason == refusal.reason):
            return Work()
        state: OrderState = "held" if refusal.rule in {"storm", "proof"} else "waiting"
        now = msgspec.structs.replace(was.value, state=state, rule=refusal.rule, reason=refusal.reason)
        row = self._ordering.noted(now, state, refusal.reason)
        return self._ordering.moved(was, now) + row + self._run_waits(now)

    def _run_waits(self, order: Dispatched) -> Work:
        run = RUNS.load(self.store, order.project, order.run) if order.run else None
        if run is None or run.value.state not in UNSTARTED:
            return Work()
        return self._ordering.run_moved(run, msgspec.structs.replace(run.value, state="waiting", message=order.reason))

    def _passed(self, gate: Versioned[Gate], was: Versioned[Dispatched]) -> tuple[Work, Versioned[Dispatched]]:
        now = msgspec.structs.replace(was.value, state="ready", rule="", reason="")
        watched = watching(self.store, now.project, now.run) if now.run else ()
        work = self._ordering.moved(was, now) + Work((GATES.replace(gate, Gate(now.id)),), watched)
        return work, Versioned(was.key, now, was.version + 1)

    def _commit(self, work: Work) -> None:
        if work.writes:
            self.store.commit(work.writes, work.messages)

    @property
    def _succession(self) -> Succession:
        return Succession(self.store, self.clock, self.ids)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)


def _near(store: Store, page: Sequence[tuple[str, str]]) -> Store:
    """Return a store that has read together what differs from order to order; the rest they share.

    What runs on a cluster is read after its gate, which changes with each order that is let go there.
    """
    near = Remembering(store)
    orders = [ORDERS.key(*one) for one in page]
    read = near.get_many([*orders, *(table.key(cluster) for cluster, _ in page for table in (GATES, CLUSTERS))])
    made = [ORDERS.read(read[key]).value for key in orders if key in read]
    near.get_many([key for order in made if (key := cooling(order))])
    near.query_many([ACTIVE.partition(cluster) for cluster, _ in page])
    return near
