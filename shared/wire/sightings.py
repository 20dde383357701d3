"""Whole workloads that a subscriber sends, since the portal asked for them (CONTRACT, `POST /changes/{cluster}`).

`{"sightings": [{"id", "at", "object": {…}, "autoscaled"?}]}`: the object as the API server sent it, with its kind;
`autoscaled` says that an autoscaler targets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw

from shared.errors import BadInput
from shared.model.changes import Sighting, Workload
from shared.wire.objects import Head, Id, Sight, Unreadable, head, look

MOST: Final = 100
"""Sightings in one body."""

LIMIT: Final = 16 << 20
"""Bytes of one body: an object has 1.5 MiB at most, and a subscriber sends fewer of large ones."""


class _Seen(msgspec.Struct, frozen=True):
    id: Id
    at: datetime
    object: Raw
    autoscaled: bool = False


class _Body(msgspec.Struct, frozen=True):
    sightings: Annotated[tuple[_Seen, ...], Meta(max_length=MOST)]


_decoder = msgspec.json.Decoder(_Body)


class Whole(msgspec.Struct, frozen=True):
    """One workload as a subscriber saw it at `at` (RFC 3339 UTC); the object is still undecoded."""

    id: str
    at: str
    kind: str
    namespace: str
    name: str
    object: Raw
    autoscaled: bool = False

    def sighting(self, cluster: str, received: str, sight: Sight) -> Sighting:
        """Return it as a sighting in `cluster`, no later than `received`; `BadInput` where the object is unreadable."""
        return Sighting(
            id=self.id,
            source="heartbeat",
            operation="UPDATE",
            workload=Workload(cluster, self.kind, self.namespace, self.name),
            actor="",
            at=min(self.at, received),
            new=look(self.object, sight),
            autoscaled=self.autoscaled,
        )


def read_sightings(body: bytes) -> list[Whole]:
    """Return what a verified body shows, or `BadInput` naming what is wrong with it."""
    try:
        return [_whole(seen, head(seen.object) or Head()) for seen in _decoder.decode(body).sightings]
    except (*Unreadable, OverflowError) as error:
        raise BadInput(f"these are no sightings of workloads: {error}") from error


def write_sightings(found: Iterable[tuple[str, str, dict[str, Any], bool]]) -> bytes:
    """Return sightings as JSON, each from its id, its time, the object, and whether an autoscaler targets it."""
    told = [{"id": one, "at": at, "object": obj, "autoscaled": scaled} for one, at, obj, scaled in found]
    return msgspec.json.encode({"sightings": told})


def _whole(seen: _Seen, found: Head) -> Whole:
    if not found.kind or not found.meta.name:
        raise BadInput("these are no sightings of workloads: an object has no kind or no name")
    if seen.at.tzinfo is None:
        raise BadInput("these are no sightings of workloads: `at` has no time zone: add Z for UTC")
    at = seen.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Whole(seen.id, at, found.kind, found.meta.namespace or "", found.meta.name, seen.object, seen.autoscaled)
