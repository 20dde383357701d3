"""Changes of one workload that came one after another: the older waits, unsent, until the newer one is proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from shared.model.orders import Dispatched
from shared.model.runs import Active
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.runs import UNSTARTED
from shared.rules.succession import gives_way
from shared.services.attempts import until_fresh
from shared.services.ordering import Ordering, Work
from shared.services.portal_records import listed
from shared.services.tables import ACTIVE, ORDERS, RUNS

UNSENT: Final = frozenset({"held", "waiting", "ready"})


@dataclass(frozen=True, slots=True)
class Succession:
    """Says which order stands behind which, and what comes of it."""

    store: Store
    clock: Clock
    ids: Ids

    def line_up(self, order: Dispatched) -> None:
        """Have older orders that have not gone out stand behind this one, and this one behind the next newer one."""
        same = list(self._same(order))
        for run in same:
            if run.run < order.id and run.state in UNSTARTED:
                until_fresh(partial(self._stand, order.cluster, run.run, order.id))
        if newer := _next(order, same):
            until_fresh(partial(self._stand, order.cluster, order.id, newer))

    def refusal(self, order: Dispatched) -> Refusal | None:
        """Return what an order owes to the one that it stands behind, if it does, or else to the next that is newer."""
        owed = self._owed(order, order.behind)
        if owed or not order.behind:
            return owed
        return self._owed(order, _next(order, self._same(order)))

    def _owed(self, order: Dispatched, name: str) -> Refusal | None:
        newer = ORDERS.load(self.store, order.cluster, name) if name else None
        run = newer and RUNS.load(self.store, newer.value.project, newer.value.id)
        return gives_way(newer.value, run.value) if newer and run else None

    def _same(self, order: Dispatched) -> Iterator[Active]:
        same = (order.project, order.experiment, order.bounds.subject)
        for row in listed(self.store, ACTIVE, order.cluster):
            if (row.value.project, row.value.experiment, row.value.workload) == same:
                yield row.value

    def _stand(self, cluster: str, name: str, newer: str) -> None:
        """Put an order behind a newer one, unless it stands behind one already that may still take its place."""
        was = ORDERS.load(self.store, cluster, name)
        if was is None or was.value.state not in UNSENT or self._owed(was.value, was.value.behind):
            return
        state = "waiting" if was.value.state == "ready" else was.value.state
        now = msgspec.structs.replace(was.value, behind=newer, state=state)
        ordering = Ordering(self.store, self.clock, self.ids)
        work = ordering.moved(was, now) + Work((), (ordering.due(now),))
        self.store.commit(work.writes, work.messages)


def _next(order: Dispatched, same: Iterable[Active]) -> str:
    """Return the order that came next, of those of the same workload and experiment, empty if none did."""
    return min((run.run for run in same if run.run > order.id), default="")
