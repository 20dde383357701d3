"""Remembers how each cluster's subscriber is reached, and leaves one alone that is not: its circuit breaker."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from shared.errors import NotYet, Stale
from shared.model.projects import Cluster
from shared.model.reaches import Reach
from shared.model.records import Write
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.reaching import failed, left, probed
from shared.services.ledger import Ledger
from shared.services.tables import REACHES, Versioned


@dataclass(frozen=True, slots=True)
class Reaches:
    """One record a cluster, written conditionally: of several workers, one tries a subscriber that is in trouble.

    A failure pauses the cluster, with backoff and jitter; the fifth in a row opens its circuit. `luck` is in [0, 1).
    """

    store: Store
    clock: Clock
    ids: Ids
    luck: Callable[[], float] = random.random

    def claim(self, cluster: Cluster) -> None:
        """Return if the subscriber may be tried now, by the caller alone if it was away: `NotYet` otherwise."""
        found = self._load(cluster)
        seconds = left(found.value, self.clock())
        if seconds:
            raise NotYet(f"cluster {cluster.id} is left alone for a while: {found.value.reason}", seconds)
        if found.value.failures:
            self._probe(cluster, found)

    def failure(self, cluster: Cluster, reason: str) -> tuple[float, list[Write]]:
        """Return the pause after a failure, in seconds, and what to write."""
        was = self._load(cluster)
        now = failed(was.value, reason, self.clock(), self.luck())
        writes: list[Write] = [REACHES.replace(was, now)]
        if now.since and not was.value.since:
            why = f"{now.failures} tries in a row failed, the last since {reason}: it is tried again now and then"
            writes.append(self._row(cluster, "unreachable", why))
        return left(now, self.clock()), writes

    def success(self, cluster: Cluster) -> list[Write]:
        """Return what to write after the subscriber answered; nothing where all was well before."""
        was = self._load(cluster)
        if not was.value.failures:
            return []
        closed = [self._row(cluster, "reachable", "it answers again")] if was.value.since else []
        return [REACHES.replace(was, Reach()), *closed]

    def heard(self, cluster: Cluster) -> list[Write]:
        """Return what to write when a subscriber is heard after a silence: it may be tried at once."""
        was = self._load(cluster)
        return [REACHES.replace(was, msgspec.structs.replace(was.value, retry_at=""))] if was.value.failures else []

    def _probe(self, cluster: Cluster, found: Versioned[Reach]) -> None:
        try:
            self.store.commit([REACHES.replace(found, probed(found.value, self.clock()))])
        except Stale as error:
            raise NotYet(f"cluster {cluster.id} is tried by another worker just now", 1 + self.luck()) from error

    def _load(self, cluster: Cluster) -> Versioned[Reach]:
        return REACHES.load_or(self.store, Reach(), cluster.id)

    def _row(self, cluster: Cluster, verdict: str, reason: str) -> Write:
        _, row = Ledger(self.clock, self.ids).row(
            cluster.project,
            "cluster",
            verdict=verdict,
            reason=reason,
            subject=cluster.id,
            links=[("cluster", cluster.id)],
        )
        return row
