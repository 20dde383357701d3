"""Lets go, or drops, what a storm of triggers held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.model.messages import Message
from shared.model.records import Put
from shared.model.runs import Recent
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.attempts import until_fresh
from shared.services.ledger import stamp
from shared.services.ordering import Ordering
from shared.services.portal_records import listed
from shared.services.tables import MEMBERS, OPEN_ORDERS, RECENT

_AT_ONCE: Final = 50
"""Messages a commit: an engine takes a hundred items in one transaction."""


@dataclass(frozen=True, slots=True)
class Releasing:
    """Ends the hold of a project on a person's word."""

    store: Store
    clock: Clock
    ids: Ids

    def release(self, project: str, *, drop: bool = False) -> int:
        """Have each held order looked at again, and return how many there are.

        With `drop` none of them goes, nor any other that was triggered until now and was not let go yet.
        """
        held = list(self._held(project))
        until_fresh(lambda: self.store.commit([self._unheld(project, drop=drop)], held[:_AT_ONCE]))
        for start in range(_AT_ONCE, len(held), _AT_ONCE):
            self.store.commit([], held[start : start + _AT_ONCE])
        return len(held)

    def _unheld(self, project: str, *, drop: bool) -> Put:
        was = RECENT.load_or(self.store, Recent(), project)
        dropped_at = stamp(self.clock) if drop else was.value.dropped_at
        return RECENT.replace(was, Recent(dropped_at=dropped_at, pushes=was.value.pushes))

    def _held(self, project: str) -> Iterator[Message]:
        ordering = Ordering(self.store, self.clock, self.ids)
        for cluster in listed(self.store, MEMBERS, project):
            for row in listed(self.store, OPEN_ORDERS, cluster.value.id):
                if row.value.state == "held" and row.value.rule == "storm":
                    yield ordering.due(row.value)
