"""Starts an order's run in a ChaosCenter: saved, then run, at most once as far as the ChaosCenter lets us see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

import msgspec

from shared.errors import NotYet, Unavailable
from shared.model.centers import Errand
from shared.model.orders import Dispatched
from shared.model.projects import ChaosCenter
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.center_rendering import Saved, render_saved
from shared.rules.tickets import Ticket, label_value
from shared.services.center_calls import CenterCalls
from shared.services.leases import Leases
from shared.services.ledger import stamp
from shared.services.ordering import Ordering, Work
from shared.services.parcels import parcel
from shared.services.subscriber.artifacts import parsed
from shared.services.tables import ERRANDS, Versioned, unchanged

GRACE: Final = 60.0
"""Seconds after which a request whose answer was lost is taken to have had no effect, if none is seen."""

_LEASE: Final = 120.0
"""Seconds for all that is asked at a start, each within its deadline."""


@dataclass(frozen=True, slots=True)
class CenterStarting:
    """Brings one cluster's orders to run.

    Saving is idempotent and running is not, so an errand is written before the ChaosCenter is asked to run. Whoever
    finds one without an answer first looks for the run that bears the order's mark. What remains is a request that a
    ChaosCenter carries out only `GRACE` seconds after we gave it up.
    """

    store: Store
    clock: Clock
    ids: Ids
    calls: CenterCalls

    def start(self, order: Versioned[Dispatched], errand: Versioned[Errand] | None) -> None:
        """Start the run of an order that is ready, or find that it was started.

        Raises `NotYet` and `Unavailable` where that has to wait, and `Invalid`, `Conflict`, `Forbidden` and `NotFound`
        where it can never be.
        """
        if errand and self._adopt(order, errand):
            return
        saved = self._saved(order.value)
        with self._alone(saved.id):
            self.calls.save(saved, f"commit {order.value.parameters.get('revision', 'unknown')}, by litmus-gitops")
            begun = self._written(order, errand, saved)
            self._took(order, begun, self.calls.run(saved.id))

    def seek(self, order: Versioned[Dispatched], errand: Versioned[Errand]) -> bool:
        """Look for the run of an order that is over; without any after `GRACE` the errand is done."""
        if self._adopt(order, errand):
            return True
        self.store.commit([ERRANDS.delete(order.value.cluster, order.value.id, expected=errand.version)])
        return False

    def _adopt(self, order: Versioned[Dispatched], errand: Versioned[Errand]) -> bool:
        """Take up a run that was started without our hearing so: `NotYet` while it may still appear."""
        if self.calls.find(errand.value, order.value.id):
            self._took(order, errand, "")
            return True
        left = GRACE - (self.clock() - datetime.fromisoformat(errand.value.at)).total_seconds()
        if left > 0:
            raise NotYet(
                f"order {order.value.id}: whether the ChaosCenter started its run is not known yet", ceil(left)
            )
        return False

    def _saved(self, order: Dispatched) -> Saved:
        infrastructure = self.calls.infrastructure()
        if not infrastructure.active:
            raise Unavailable("the ChaosCenter has no connection to its infrastructure in the cluster")
        return render_saved(
            parsed(parcel(self.store, order).manifest or ""),
            _ticket(order, self.calls.center, infrastructure.namespace),
        )

    def _written(
        self, order: Versioned[Dispatched], errand: Versioned[Errand] | None, saved: Saved
    ) -> Versioned[Errand]:
        """Write down that the run is asked for, while the order stands: `Stale` if somebody ended it."""
        was = errand or ERRANDS.load_or(self.store, Errand(saved.id, "", 0.0), order.value.cluster, order.value.id)
        now = Errand(saved.id, stamp(self.clock), saved.deadline)
        self.store.commit([ERRANDS.replace(was, now), unchanged(order)])
        return Versioned(was.key, now, was.version + 1)

    def _took(self, order: Versioned[Dispatched], errand: Versioned[Errand], notify: str) -> None:
        """Write down that the run is there; an order that was ended meanwhile stays so until the run is reported."""
        begun = msgspec.structs.replace(errand.value, begun=True, notify=notify)
        now = msgspec.structs.replace(order.value, state="taken", reason="", attempts=0)
        work = Work((ERRANDS.replace(errand, begun),))
        if order.value.state == "ready":
            ordering = Ordering(self.store, self.clock, self.ids)
            row = ordering.row(now, "taken", f"the ChaosCenter of cluster {now.cluster} took it: {notify or 'found'}")
            work += ordering.moved(order, now) + Work((row,))
        self.store.commit(work.writes, work.messages)

    @contextmanager
    def _alone(self, experiment: str) -> Iterator[None]:
        """Keep others from saving the same experiment between our save and our run, which runs the newest revision."""
        center = self.calls.center
        name = hashlib.sha256(f"{center.url}\n{center.project_id}\n{experiment}".encode()).hexdigest()
        leases = Leases(self.store, self.clock)
        lease = leases.take(f"center/{name}", self.ids(), _LEASE)
        if lease is None:
            raise NotYet(f"experiment {experiment} is being started in this ChaosCenter for another order")
        try:
            yield
        finally:
            leases.release(lease)


def _ticket(order: Dispatched, center: ChaosCenter, namespace: str) -> Ticket:
    named = {"workflow_id": order.experiment, "infra_id": center.infra_id}
    return Ticket(
        order=order.id,
        experiment=order.experiment,
        labels={name: label_value(value) for name, value in named.items()},
        bound=namespace or None,
    )
