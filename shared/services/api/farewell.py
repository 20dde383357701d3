"""What becomes of a cluster's orders and runs when it is forgotten: nobody will hear of them again, so they end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from shared.model.projects import Cluster
from shared.model.records import Delete
from shared.model.runs import RunState
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.runs import ended
from shared.services.attempts import until_fresh
from shared.services.batches import batches
from shared.services.ordering import OPEN, Ordering, Work
from shared.services.portal_records import listed
from shared.services.tables import ACTIVE, ERRANDS, OPEN_ORDERS, ORDERS, RUNS, TRACKED

_SKIPPED: Final[RunState] = "skipped"
_ERROR: Final[RunState] = "error"
_UNSTARTED: Final = Refusal("forgotten", "its cluster was forgotten before it started")
_LOST: Final = Refusal("forgotten", "its cluster was forgotten: what became of it there is not known")


@dataclass(frozen=True, slots=True)
class Farewell:
    """Ends what a cluster has left; doing it again ends what came meanwhile."""

    store: Store
    clock: Clock
    ids: Ids

    def end_orders(self, cluster: Cluster) -> None:
        """End every open order with its run, and then the runs that had no order."""
        for order in listed(self.store, OPEN_ORDERS, cluster.id):
            until_fresh(partial(self._end_order, cluster.id, order.value.id))
        for active in listed(self.store, ACTIVE, cluster.id):
            until_fresh(partial(self._end_run, cluster, active.value.run))

    def tidy(self, cluster: Cluster) -> None:
        """Remove what was tracked of its workloads and asked of its ChaosCenter: one of the same id begins anew."""
        tracked = (Delete(row.key) for row in listed(self.store, TRACKED, cluster.id))
        asked = (Delete(row.key) for row in listed(self.store, ERRANDS, cluster.id))
        for batch in batches(chain(tracked, asked)):
            self.store.commit(batch)

    def _end_order(self, cluster: str, name: str) -> None:
        was = ORDERS.load(self.store, cluster, name)
        if was is not None and was.value.state in OPEN:
            refusal, run = (_LOST, _ERROR) if was.value.state == "taken" else (_UNSTARTED, _SKIPPED)
            self._commit(self._ordering.ended(was, "refused", refusal, run))

    def _end_run(self, cluster: Cluster, name: str) -> None:
        was = RUNS.load(self.store, cluster.project, name)
        now = was and ended(was.value, _ERROR, _LOST.reason)
        if was and now:
            self._commit(self._ordering.run_moved(was, now))

    def _commit(self, work: Work) -> None:
        self.store.commit(work.writes, work.messages)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)
