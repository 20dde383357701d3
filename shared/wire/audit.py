"""EventLists of kube-apiserver's audit webhook: of each event, what became of one object, or why it tells nothing.

Source of the fields: k8s.io/apiserver/pkg/apis/audit/v1, types.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Raw

from shared.errors import BadInput
from shared.model.changes import Operation, Side, Sighting, Workload
from shared.wire.objects import KINDS, Head, Id, Name, Sight, Unreadable, User, head, look

_VERSION: Final = "audit.k8s.io/v1"
_KIND: Final = "EventList"
_VERBS: Final[dict[str, Operation]] = {"create": "CREATE", "update": "UPDATE", "patch": "UPDATE", "delete": "DELETE"}
_ANSWERS: Final = frozenset({"", "Status", "PartialObjectMetadata", "Table"})
_CREATED: Final = 201
_GOOD: Final = range(200, 300)


class _Details(msgspec.Struct, frozen=True):
    uid: Annotated[str, Meta(max_length=128)] | None = None


class _Status(msgspec.Struct, frozen=True):
    code: int = 0
    details: _Details | None = None


class _Reference(msgspec.Struct, frozen=True):
    resource: Name = ""
    namespace: Name | None = None
    name: Name | None = None
    subresource: str | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    audit_id: Id = msgspec.field(name="auditID")
    stage: str
    verb: str
    stage_timestamp: Annotated[datetime, Meta(tz=True)]
    object_ref: _Reference = _Reference()
    response_status: _Status = _Status()
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
_event = msgspec.json.Decoder(_Event)
_options: msgspec.json.Decoder[_DeleteOptions | None] = msgspec.json.Decoder(_DeleteOptions | None)


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

    def sighting(self, cluster: str, received: str, sight: Sight) -> Sighting:
        """Return the event as a sighting in `cluster`, no later than `received` (RFC 3339 UTC, milliseconds).

        `sight` makes a side of an object. A deletion's old side says only the uid. Raises `BadInput` where the object
        cannot be read.
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
        )


class Batch(msgspec.Struct, frozen=True):
    """What an EventList tells, in its order, and how many of its events told nothing, by reason."""

    signals: tuple[Signal, ...]
    skipped: Mapping[str, int]


def read_events(body: bytes) -> Batch:
    """Return what the events of a batch tell; a broken one is counted and takes no other with it.

    Reasons of those skipped: `broken`, `stage`, `verb`, `subresource`, `failed`, `dry_run`, `no_object`. Raises
    `BadInput`, saying what is wrong, for whatever is no EventList v1.
    """
    signals: list[Signal] = []
    skipped: Counter[str] = Counter()
    for raw in _items(body):
        read = _read(raw)
        if isinstance(read, Signal):
            signals.append(read)
        else:
            skipped[read] += 1
    return Batch(tuple(signals), skipped)


def _items(body: bytes) -> tuple[Raw, ...]:
    try:
        batch = _list.decode(body)
    except Unreadable as error:
        raise BadInput(f"no {_KIND} of {_VERSION}: {error}") from error
    if (batch.kind, batch.api_version) != (_KIND, _VERSION):
        raise BadInput(f"no {_KIND} of {_VERSION}: found {batch.kind[:80]!r} of {batch.api_version[:80]!r}")
    return batch.items or ()


def _read(raw: Raw) -> Signal | str:
    try:
        event = _event.decode(raw)
        return _untold(event) or _signal(event, head(event.response_object) or Head())
    except (*Unreadable, OverflowError, ValueError):
        return "broken"


def _untold(event: _Event) -> str | None:
    if event.stage != "ResponseComplete":
        return "stage"
    if event.verb not in _VERBS:
        return "verb"
    if (event.object_ref.subresource or "scale") != "scale":
        return "subresource"
    if event.response_status.code not in _GOOD:
        return "failed"
    return "dry_run" if _is_dry(event) else None


def _is_dry(event: _Event) -> bool:
    """Whether nothing was written: kubectl says so in the body of a deletion, and in the query of all else."""
    if "dryRun" in parse_qs(urlsplit(event.request_uri).query):
        return True
    options = _options.decode(event.request_object) if event.verb == "delete" else None
    return bool(options and options.dry_run)


def _signal(event: _Event, seen: Head) -> Signal | str:
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
        at=event.stage_timestamp.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        scale=reference.subresource == "scale",
        annotated=seen.meta.annotated,
        actor=user.username,
        actor_groups=user.groups or (),
        new=None if event.verb == "delete" else event.response_object,
    )


def _kind(event: _Event, seen: Head) -> str:
    told = seen.kind not in _ANSWERS
    if event.verb == "delete" or (told and event.object_ref.subresource):
        return KINDS.get(event.object_ref.resource, seen.kind if told else "")
    return seen.kind if told else ""


def _deleted_uid(status: _Status) -> str:
    return (status.details.uid if status.details else "") or ""
