"""What became of one object, as an audit log tells it afterwards, whoever brings the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

from shared.model.changes import Operation, Side, Sighting, Workload
from shared.wire.objects import Sight, look


class Signal(msgspec.Struct, frozen=True):
    """One successful write of one object; the object is still undecoded.

    `kind` is the workload's, also where a `Scale` or the `Status` of a deletion came; `at` is RFC 3339 UTC. `uid` is
    empty where a deletion does not say it.
    """

    id: str
    operation: Operation
    kind: str
    namespace: str
    name: str
    uid: str
    at: str
    scale: bool
    annotated: bool
    actor: str
    actor_groups: tuple[str, ...]
    new: Raw | None

    def sighting(self, cluster: str, received: str, sight: Sight, traceparent: str = "") -> Sighting:
        """Return the event as a sighting in `cluster`, no later than `received` (RFC 3339 UTC, milliseconds).

        `sight` makes a side of an object, and `traceparent` is the trace of the batch. A deletion's old side says only
        the uid. Raises `BadInput` where the object cannot be read.
        """
        return Sighting(
            id=self.id,
            source="audit",
            operation=self.operation,
            workload=Workload(cluster, self.kind, self.namespace, self.name),
            actor=self.actor,
            at=min(self.at, received),
            old=Side(self.uid, {}, "", partial=True) if self.operation == "DELETE" else None,
            new=look(self.new, sight),
            actor_groups=self.actor_groups,
            traceparent=traceparent,
        )


class Batch(msgspec.Struct, frozen=True):
    """What one body tells, by the time at which it happened, and how much of it told nothing, by reason."""

    signals: tuple[Signal, ...]
    skipped: Mapping[str, int]


Told = Signal | str
"""A signal, or the reason why there is none.

`broken`, `stage`, `verb`, `subresource`, `failed`, `dry_run`, `no_object`, `too_large`, or `other`: no audit event of
the cluster's API server at all.
"""


def gather(told: Iterable[Told]) -> Batch:
    """Return everything told as one batch; logs do not keep the order in which things happened."""
    signals: list[Signal] = []
    skipped: Counter[str] = Counter()
    for one in told:
        if isinstance(one, Signal):
            signals.append(one)
        else:
            skipped[one] += 1
    return Batch(tuple(sorted(signals, key=lambda signal: signal.at)), skipped)
