"""Leases: one worker at a time on a named thing, and a number that fences off whoever came before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from shared.errors import Stale
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.services.ledger import stamp
from shared.services.tables import LEASES, Lease, Versioned

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Leases:
    """Leases as records: the version of a lease is its fencing number, and it only ever grows.

    So an ended lease stays as a record. A holder adds `unchanged(lease)` to each commit that its lease must cover.
    """

    store: Store
    clock: Clock

    def take(self, name: str, holder: str, seconds: float) -> Versioned[Lease] | None:
        """Take the lease, or None while another holds it; the same holder takes it anew, with a higher number."""
        found = LEASES.load_or(self.store, Lease("", stamp(self.clock)), name)
        if found.value.holder != holder and self._lasts(found.value):
            return None
        return self._write(found, Lease(holder, self._in(seconds)))

    def release(self, lease: Versioned[Lease]) -> None:
        """End a lease early; nothing happens if another has taken it since."""
        self._write(lease, msgspec.structs.replace(lease.value, until=stamp(self.clock)))

    def void_all(self) -> None:
        """End every lease: for the single process that just started, whose forerunner cannot be at work any more."""
        after = None
        while page := self.store.query(LEASES.partition(), after=after, limit=_PAGE):
            leases = [LEASES.read(record) for record in page]
            ended = [LEASES.replace(one, Lease("", stamp(self.clock))) for one in leases if self._lasts(one.value)]
            self.store.commit(ended)
            after = page[-1].key.sort

    def _write(self, was: Versioned[Lease], lease: Lease) -> Versioned[Lease] | None:
        try:
            self.store.commit([LEASES.replace(was, lease)])
        except Stale:
            return None
        return Versioned(was.key, lease, was.version + 1)

    def _lasts(self, lease: Lease) -> bool:
        return datetime.fromisoformat(lease.until) > self.clock()

    def _in(self, seconds: float) -> str:
        until = self.clock().astimezone(UTC) + timedelta(seconds=seconds)
        return stamp(lambda: until)
