"""Keeps the reviews that this cluster's API server asked until the portal knows of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from shared.errors import BadInput
from shared.model.changes import Sighting
from shared.ports.ambient import Counters
from shared.services.subscriber.showing import Showing
from shared.wire.admission import Review

_log = logging.getLogger("litmus_gitops.subscriber")
REVIEWS: Final = "litmus_gitops_reviews_total"
FORWARDED: Final = "litmus_gitops_forwarded_total"
_BATCH: Final = 50
_AT_ONCE: Final = 1 << 20
"""Bytes of reviews that are sealed and sent in one go."""

_PATIENCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """A review as it came at `at` (RFC 3339 UTC), of `size` bytes."""

    review: Review
    at: str
    size: int


@dataclass(slots=True)
class Forwarding:
    """An outbox in memory: at least once, in the order of their coming, and never in the way of an answer.

    It holds `most` reviews of `limit` bytes in all. Where more come, or the process ends, the oldest are lost: that is
    counted, and the next look at the cluster's workloads finds what they changed.
    """

    showing: Showing
    count: Counters
    most: int = 10_000
    limit: int = 64 << 20
    _waiting: deque[Kept] = field(default_factory=deque)
    _bytes: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, review: Review, at: str, size: int) -> None:
        """Keep a review until it is told, at the cost of the oldest where there is no room."""
        with self._changed:
            self._waiting.append(Kept(review, at, size))
            self._bytes += size
            while len(self._waiting) > self.most or (self._bytes > self.limit and len(self._waiting) > 1):
                self._drop()
                self.count(FORWARDED, outcome="lost")
            self._changed.notify_all()

    def __call__(self) -> None:
        """Wait a moment for reviews, and tell of all that wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, _PATIENCE)
        self.flush()

    def flush(self) -> None:
        """Tell of all that wait; raises why that is not possible now, and keeps them."""
        with self._turn:
            while batch := self._next():
                self._tell(batch)
                self._done(batch)

    def _next(self) -> list[Kept]:
        with self._changed:
            batch = list(islice(self._waiting, _BATCH))
        size = 0
        for number, kept in enumerate(batch):
            size += kept.size
            if number and size > _AT_ONCE:
                return batch[:number]
        return batch

    def _done(self, batch: Sequence[Kept]) -> None:
        """Take out what was told of; the oldest may have been lost meanwhile."""
        told = set(map(id, batch))
        with self._changed:
            while self._waiting and id(self._waiting[0]) in told:
                self._drop()

    def _drop(self) -> None:
        self._bytes -= self._waiting.popleft().size

    def _tell(self, batch: Sequence[Kept]) -> None:
        sightings = [found for kept in batch if (found := self._sighting(kept))]
        refused = self.showing(sightings)
        for number in range(len(batch)):
            self.count(FORWARDED, outcome="told" if number < len(sightings) - refused else "refused")

    def _sighting(self, kept: Kept) -> Sighting | None:
        try:
            return kept.review.sighting("", kept.at, self.showing.sight)
        except BadInput as error:
            _log.warning("a review cannot be read", extra={"reason": str(error)})
            return None
