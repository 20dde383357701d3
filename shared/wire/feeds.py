"""Who speaks in a body of audit events: the API server's own webhook, or a managed cluster's log on its way to us."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from shared.wire import aks, eks, gke
from shared.wire.audit import read_events
from shared.wire.objects import Unreadable
from shared.wire.signals import Batch, Told, gather

_PUSHED: Final = frozenset({"message", "subscription", "specversion"})
"""What only a push of Pub/Sub has at its top, or the CloudEvent around one."""

_top: msgspec.json.Decoder[dict[str, Raw] | tuple[Raw, ...]] = msgspec.json.Decoder(dict[str, Raw] | tuple[Raw, ...])


def read_feed(headers: Mapping[str, str], body: bytes, name: str = "") -> Batch:
    """Return what a body tells, whoever speaks; header names are lower case.

    With `name`, a cloud's log is taken of the cluster that the cloud calls so, and what is of another is `other`.

    A cloud's log never fails: its sender would only repeat what is broken, so that is counted. Raises `BadInput` for
    whatever is none of them.
    """
    told = _told(headers, body, name)
    return read_events(body) if told is None else gather(told)


def _told(headers: Mapping[str, str], body: bytes, name: str) -> Iterable[Told] | None:
    """Return what a cloud's log tells, None where it is none."""
    if headers.get("ce-type") == gke.PUBLISHED:
        return gke.read(body, name)
    try:
        top = _top.decode(body)
    except Unreadable:
        return None
    if not isinstance(top, dict):
        return aks.read(top, name)
    if not _PUSHED.isdisjoint(top):
        return gke.read(body, name)
    if eks.REQUEST in headers or "awslogs" in top:
        return eks.read(top, name)
    return aks.read((Raw(body),), name) if "records" in top else None
