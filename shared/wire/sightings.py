"""Workloads that a subscriber saw, sealed (CONTRACT, `POST /changes/{cluster}`): by reviews, or as the portal asked.

`{"sightings": [{"id", "at", "source": "admission"|"heartbeat", "operation", "kind", "namespace", "name", "actor",
"actor_groups", "autoscaled", "traceparent", "old": side|null, "new": side|null}]}`, and a side is `{"uid", "content",
"digest", "generation", "partial", "sealed", "shown"}`. A subscriber from before objects were sealed shows them as the
API server sent them: `{"id", "at", "object": {…}, "autoscaled"?}`. What else stands there is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from shared.errors import BadInput
from shared.model.changes import Operation, Shown, Side, Sighting, Source, Workload
from shared.model.times import written
from shared.model.traces import valid
from shared.wire.objects import Head, Id, Name, Sight, Unreadable, head, look

MOST: Final = 100
"""Sightings in one body."""

LIMIT: Final = 16 << 20
"""Bytes of one body: a sealed object is some times as large as it was, and a subscriber sends fewer of large ones."""

_Digest = Annotated[str, Meta(min_length=1, max_length=128)]
_Keys = Annotated[dict[Annotated[str, Meta(max_length=256)], Shown], Meta(max_length=1_000)]


class _Side(msgspec.Struct, frozen=True):
    content: Raw
    digest: _Digest
    sealed: _Digest
    uid: Annotated[str, Meta(max_length=128)] = ""
    generation: int | None = None
    partial: bool = False
    shown: _Keys = {}

    def side(self) -> Side | None:
        """Return the side; `BadInput` if its content is no object or cannot be read."""
        return look(self.content, self._made)

    def _made(self, content: dict[str, Any]) -> Side:
        msgspec.convert(content, Head)
        return Side(self.uid, content, self.digest, self.generation, self.partial, self.sealed, self.shown)


class _Seen(msgspec.Struct, frozen=True):
    id: Id
    at: datetime
    object: Raw | UnsetType = UNSET
    source: Source = "heartbeat"
    operation: Operation = "UPDATE"
    kind: Name = ""
    namespace: Name = ""
    name: Name = ""
    actor: str = ""
    actor_groups: tuple[str, ...] = ()
    autoscaled: bool = False
    traceparent: str = ""
    old: _Side | None = None
    new: _Side | None = None


class _Body(msgspec.Struct, frozen=True):
    sightings: Annotated[tuple[_Seen, ...], Meta(max_length=MOST)]


_decoder = msgspec.json.Decoder(_Body)


class Told(msgspec.Struct, frozen=True):
    """One workload as a subscriber saw it at `at` (RFC 3339 UTC); its objects are still undecoded."""

    at: str
    kind: str
    namespace: str
    name: str
    seen: _Seen

    def sighting(self, cluster: str, received: str, sight: Sight, traceparent: str = "") -> Sighting:
        """Return it as a sighting in `cluster`, no later than `received`; `BadInput` where an object is unreadable.

        `sight` makes a side of an object that came unsealed. `traceparent` is the trace of the call that brought it,
        which counts where what brought it to the subscriber bore none.
        """
        seen, plain = self.seen, self.seen.object
        return Sighting(
            id=seen.id,
            source=seen.source,
            operation=seen.operation,
            workload=Workload(cluster, self.kind, self.namespace, self.name),
            actor=seen.actor,
            at=min(self.at, received),
            old=seen.old.side() if seen.old else None,
            new=(seen.new.side() if seen.new else None) if isinstance(plain, UnsetType) else look(plain, sight),
            actor_groups=seen.actor_groups,
            autoscaled=seen.autoscaled,
            traceparent=valid(seen.traceparent) or traceparent,
        )


def read_sightings(body: bytes) -> list[Told]:
    """Return what a verified body shows, or `BadInput` naming what is wrong with it."""
    try:
        return [_told(seen) for seen in _decoder.decode(body).sightings]
    except (*Unreadable, OverflowError) as error:
        raise BadInput(f"these are no sightings of workloads: {error}") from error


def write_sighting(sighting: Sighting) -> bytes:
    """Return a sealed sighting as JSON; its cluster is not in it, since who signs for it is."""
    workload = sighting.workload
    fields = {name: getattr(sighting, name) for name in sighting.__struct_fields__ if name != "workload"}
    place = {"kind": workload.kind, "namespace": workload.namespace, "name": workload.name}
    return msgspec.json.encode(fields | place)


def write_sightings(written: Iterable[bytes]) -> bytes:
    """Return the body that holds these sightings."""
    return b'{"sightings":[' + b",".join(written) + b"]}"


def parted(written: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield written sightings in their order, as many as one body takes: about `size` bytes, and at most `MOST`."""
    part: list[bytes] = []
    for one in written:
        if part and (len(part) == MOST or sum(map(len, part)) + len(one) > size):
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _told(seen: _Seen) -> Told:
    if seen.at.tzinfo is None:
        raise BadInput("these are no sightings of workloads: `at` has no time zone: add Z for UTC")
    at = written(seen.at)
    if isinstance(seen.object, UnsetType):
        return _placed(Told(at, seen.kind, seen.namespace, seen.name, seen))
    found = head(seen.object) or Head()
    return _placed(Told(at, found.kind, found.meta.namespace or "", found.meta.name or "", seen))


def _placed(told: Told) -> Told:
    if not told.kind or not told.name:
        raise BadInput("these are no sightings of workloads: an object has no kind or no name")
    return told
