"""Audit events of kube-apiserver, and its webhook's EventLists: what became of one object, or why it tells nothing.

Source of the fields: k8s.io/apiserver/pkg/apis/audit/v1, types.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Raw

from shared.errors import BadInput
from shared.model.changes import Operation
from shared.model.times import written
from shared.wire.objects import KINDS, Head, Id, Name, Unreadable, User, head
from shared.wire.signals import Batch, Signal, Told, gather

_VERSION: Final = "audit.k8s.io/v1"
_KIND: Final = "EventList"
_VERBS: Final[dict[str, Operation]] = {"create": "CREATE", "update": "UPDATE", "patch": "UPDATE", "delete": "DELETE"}
_ANSWERS: Final = frozenset({"", "Status", "PartialObjectMetadata", "Table"})
_CREATED: Final = 201
_GOOD: Final = range(200, 300)

COMPLETE: Final = "ResponseComplete"
"""The one stage that knows how a request ended."""


class Details(msgspec.Struct, frozen=True):
    """Which object a `Status` is about."""

    uid: Annotated[str, Meta(max_length=128)] | None = None


class Response(msgspec.Struct, frozen=True):
    """How a request ended; `code` is HTTP's."""

    code: int = 0
    details: Details | None = None


class Reference(msgspec.Struct, frozen=True):
    """The object that a request was about; a name that is to be generated is not there yet."""

    resource: Name = ""
    namespace: Name | None = None
    name: Name | None = None
    subresource: str | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """One stage of one request; the objects in it are left undecoded."""

    audit_id: Id = msgspec.field(name="auditID")
    stage: str
    verb: str
    stage_timestamp: Annotated[datetime, Meta(tz=True)]
    object_ref: Reference = Reference()
    response_status: Response = Response()
    request_uri: str = msgspec.field(name="requestURI", default="")
    user: User = User()
    impersonated_user: User | None = None
    request_object: Raw = Raw(b"null")
    response_object: Raw = Raw(b"null")


class _DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    dry_run: tuple[str, ...] | None = None


class _List(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    items: tuple[Raw, ...] | None = None


_list = msgspec.json.Decoder(_List)
_event = msgspec.json.Decoder(Event)
_options: msgspec.json.Decoder[_DeleteOptions | None] = msgspec.json.Decoder(_DeleteOptions | None)

BROKEN: Final = (*Unreadable, OverflowError, ValueError)
"""What reading an event raises that is none, or that is of another time than ours."""


def read_events(body: bytes) -> Batch:
    """Return what the events of a batch tell; a broken one is counted and takes no other with it.

    Raises `BadInput`, saying what is wrong, for whatever is no EventList v1.
    """
    return gather(_read(raw) for raw in _items(body))


def decode_event(raw: bytes | Raw) -> Event:
    """Return the event; raises one of `BROKEN`."""
    return _event.decode(raw)


def tell(event: Event) -> Told:
    """Return what an event tells; raises one of `BROKEN`."""
    return _untold(event) or _signal(event, head(event.response_object) or Head())


def _read(raw: Raw) -> Told:
    try:
        return tell(decode_event(raw))
    except BROKEN:
        return "broken"


def _items(body: bytes) -> tuple[Raw, ...]:
    try:
        batch = _list.decode(body)
    except Unreadable as error:
        raise BadInput(f"no {_KIND} of {_VERSION}: {error}") from error
    if (batch.kind, batch.api_version) != (_KIND, _VERSION):
        raise BadInput(f"no {_KIND} of {_VERSION}: found {batch.kind[:80]!r} of {batch.api_version[:80]!r}")
    return batch.items or ()


def _untold(event: Event) -> str | None:
    if event.stage != COMPLETE:
        return "stage"
    if event.verb not in _VERBS:
        return "verb"
    if (event.object_ref.subresource or "scale") != "scale":
        return "subresource"
    if event.response_status.code not in _GOOD:
        return "failed"
    return "dry_run" if _is_dry(event) else None


def _is_dry(event: Event) -> bool:
    """Whether nothing was written: kubectl says so in the body of a deletion, and in the query of all else."""
    if "dryRun" in parse_qs(urlsplit(event.request_uri).query):
        return True
    options = _options.decode(event.request_object) if event.verb == "delete" else None
    return bool(options and options.dry_run)


def _signal(event: Event, seen: Head) -> Told:
    reference, user = event.object_ref, event.impersonated_user or event.user
    kind = _kind(event, seen)
    if not kind:
        return "no_object"
    return Signal(
        id=event.audit_id,
        operation="CREATE" if event.response_status.code == _CREATED else _VERBS[event.verb],
        kind=kind,
        namespace=reference.namespace or seen.meta.namespace or "",
        name=reference.name or seen.meta.name or "",
        uid=seen.meta.uid or _deleted_uid(event.response_status),
        at=written(event.stage_timestamp),
        scale=reference.subresource == "scale",
        annotated=seen.meta.annotated,
        actor=user.username,
        actor_groups=user.groups or (),
        new=None if event.verb == "delete" else event.response_object,
    )


def _kind(event: Event, seen: Head) -> str:
    told = seen.kind not in _ANSWERS
    if event.verb == "delete" or (told and event.object_ref.subresource):
        return KINDS.get(event.object_ref.resource, seen.kind if told else "")
    return seen.kind if told else ""


def _deleted_uid(status: Response) -> str:
    return (status.details.uid if status.details else "") or ""
