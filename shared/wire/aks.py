"""Azure Monitor's resource logs of AKS clusters, as they come out of an Event Hub.

Source of the fields: Azure Monitor's resource log schema, and the reference of AKS' monitoring data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Raw

from shared.wire.audit import BROKEN, Event, decode_event, tell
from shared.wire.objects import Unreadable
from shared.wire.signals import Told

_CATEGORIES: Final = frozenset({"kube-audit", "kube-audit-admin"})
_SKIPPED: Final = Raw(b'"skipped-too-big-size-object"')
_NULL: Final = Raw(b"null")


class _Message(msgspec.Struct, frozen=True):
    records: tuple[Raw, ...] | None = None


class _Properties(msgspec.Struct, frozen=True):
    log: str


class _Record(msgspec.Struct, frozen=True):
    category: str
    resource_id: str = msgspec.field(name="resourceId", default="")
    properties: Raw = _NULL


_message = msgspec.json.Decoder(_Message)
_record = msgspec.json.Decoder(_Record)
_properties = msgspec.json.Decoder(_Properties)


def read(messages: Iterable[Raw], name: str = "") -> Iterator[Told]:
    """Yield what an Event Hub's messages tell, of the cluster that Azure calls `name` alone, or of any.

    A message is `{"records": […]}`, or a record by itself. Azure writes names in any case.
    """
    for message in messages:
        yield from _told(message, name.casefold())


def _told(message: Raw, name: str) -> Iterable[Told]:
    try:
        records = _message.decode(message).records
    except Unreadable:
        return ("broken",)
    return tuple(_read(raw, name) for raw in ((message,) if records is None else records))


def _read(raw: Raw, name: str) -> Told:
    try:
        record = _record.decode(raw)
        ours = name in {"", record.resource_id.rpartition("/")[2].casefold()}
        if not ours or record.category not in _CATEGORIES:
            return "other"
        return tell(_whole(decode_event(_properties.decode(record.properties).log.encode())))
    except BROKEN:
        return "broken"


def _whole(event: Event) -> Event:
    """Return the event without the words that AKS puts in the place of a large object."""
    return msgspec.structs.replace(
        event, request_object=_shown(event.request_object), response_object=_shown(event.response_object)
    )


def _shown(raw: Raw) -> Raw:
    return _NULL if raw == _SKIPPED else raw
