"""Heartbeats: a subscriber says that it is alive, what it can do, and which workloads it sees."""

from __future__ import annotations

import msgspec


class SeenWorkload(msgspec.Struct, frozen=True):
    """A watched object as a heartbeat lists it, without its body."""

    kind: str
    namespace: str
    name: str
    uid: str
    digest: str
    generation: int | None = None


class Heartbeat(msgspec.Struct, frozen=True):
    """`at` is RFC 3339 UTC by the subscriber's clock, `version` the subscriber's own."""

    at: str
    version: str = ""
    capabilities: tuple[str, ...] = ()
    workloads: tuple[SeenWorkload, ...] = ()
