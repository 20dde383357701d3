"""Records that orders were taken: those of many clusters in few commits, and never over a report that was faster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from shared.errors import Stale
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.batches import bundles
from shared.services.ledger import message
from shared.services.ordering import Ordering, Work
from shared.services.tables import Versioned


@dataclass(frozen=True, slots=True)
class Settling:
    """Writes down what came of sending orders."""

    store: Store
    clock: Clock
    ids: Ids

    def settle(self, outcomes: list[Versioned[Dispatched] | Message]) -> None:
        """Record in few commits what is tried again, and what was taken, but for those where a report was faster."""
        self._commit(Work((), (one,)) for one in outcomes if isinstance(one, Message))
        taken = [one for one in outcomes if isinstance(one, Versioned)]
        while taken:
            try:
                self._commit(map(self._take, taken))
            except Stale:
                taken = self._not_overtaken(taken)
            else:
                return

    def taken(self, order: Versioned[Dispatched]) -> None:
        """Record that one order was taken."""
        self.settle([order])

    def _not_overtaken(self, taken: list[Versioned[Dispatched]]) -> list[Versioned[Dispatched]]:
        """Return the orders that nobody wrote meanwhile; of the others a report counts, and who stood behind wakes."""
        found = self.store.get_many([one.key for one in taken])
        same = [one for one in taken if (now := found.get(one.key)) and now.version == one.version]
        self._commit(Work((), _followers(self.ids, one.value)) for one in taken if one not in same)
        return same

    def _take(self, order: Versioned[Dispatched]) -> Work:
        ordering = Ordering(self.store, self.clock, self.ids)
        now = msgspec.structs.replace(order.value, state="taken", reason="", attempts=0)
        row = ordering.row(now, "taken", f"cluster {now.cluster} took it")
        return ordering.moved(order, now) + Work((row,), _followers(self.ids, order.value))

    def _commit(self, works: Iterable[Work]) -> None:
        if batches := [(one.writes, one.messages) for one in bundles(works)]:
            self.store.commit_each(batches)


def _followers(ids: Ids, order: Dispatched) -> tuple[Message, ...]:
    """Wake what stood behind an order that took more than one try."""
    return (message(ids, "dispatch", "resume", cluster=order.cluster),) if order.attempts else ()
