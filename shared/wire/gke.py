"""Cloud Logging's audit entries of GKE clusters, as Pub/Sub pushes them: read as the audit events that they were.

Source of the fields: google.pubsub.v1 (push requests), google.logging.v2.LogEntry, google.cloud.audit.AuditLog, and
GKE's audit logging information.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from shared.wire.audit import BROKEN, COMPLETE, Details, Event, Reference, Response, tell
from shared.wire.objects import Head, Id, User, head
from shared.wire.signals import Told

PUBLISHED: Final = "google.cloud.pubsub.topic.v1.messagePublished"
"""The type of the CloudEvents in which Eventarc brings Pub/Sub's messages."""

_LOG: Final = "type.googleapis.com/google.cloud.audit.AuditLog"
_SERVICE: Final = "k8s.io"
_DRY: Final = "command.gke.io/dryRun"
_NULL: Final = Raw(b"null")


class _Message(msgspec.Struct, frozen=True):
    data: bytes = b""


class _Published(msgspec.Struct, frozen=True):
    message: _Message = _Message()


class _Push(msgspec.Struct, frozen=True):
    """A push, or a CloudEvent in binary mode (`message`) or in structured mode (`data`)."""

    message: _Message | None = None
    data: _Published = _Published()


class _Who(msgspec.Struct, frozen=True, rename="camel"):
    """Federated identities have no address of mail, only a subject."""

    principal_email: str = ""
    principal_subject: str = ""


class _Code(msgspec.Struct, frozen=True):
    """How the request ended, in gRPC's numbers: 0 is well."""

    code: int = 0


class _Status(msgspec.Struct, frozen=True):
    status: str = ""
    details: Details | None = None


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    type: str = msgspec.field(name="@type", default="")
    service_name: str = ""
    method_name: str = ""
    resource_name: str = ""
    authentication_info: _Who = _Who()
    status: _Code = _Code()
    request: Raw = _NULL
    response: Raw = _NULL


class _Labels(msgspec.Struct, frozen=True):
    cluster_name: str = ""


class _Resource(msgspec.Struct, frozen=True):
    labels: _Labels = _Labels()


class _Operation(msgspec.Struct, frozen=True):
    id: str = ""


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    timestamp: Annotated[datetime, Meta(tz=True)]
    insert_id: str = ""
    operation: _Operation = _Operation()
    labels: dict[str, Raw] | None = None
    resource: _Resource = _Resource()
    proto_payload: _Payload = _Payload()


_push = msgspec.json.Decoder(_Push)
_entry = msgspec.json.Decoder(_Entry)
_status = msgspec.json.Decoder(_Status)
_object: msgspec.json.Decoder[dict[str, Raw] | None] = msgspec.json.Decoder(dict[str, Raw] | None)


def read(body: bytes, name: str = "") -> Iterator[Told]:
    """Yield what the message of a push tells, of the cluster that Google calls `name` alone, or of any.

    It never fails: Pub/Sub would send again what that cannot heal.
    """
    try:
        push = _push.decode(body)
        yield _read(_entry.decode((push.message or push.data.message).data), name)
    except BROKEN:
        yield "broken"


def _read(entry: _Entry, name: str) -> Told:
    payload = entry.proto_payload
    if (payload.type, payload.service_name) != (_LOG, _SERVICE):
        return "other"
    if name not in {"", entry.resource.labels.cluster_name}:
        return "other"
    return tell(_event(entry, payload))


def _event(entry: _Entry, payload: _Payload) -> Event:
    who = payload.authentication_info
    return Event(
        audit_id=msgspec.convert(entry.insert_id or entry.operation.id, Id),
        stage=COMPLETE,
        verb=payload.method_name.rpartition(".")[2],
        stage_timestamp=entry.timestamp,
        object_ref=_reference(payload),
        response_status=_response(payload),
        request_uri="?dryRun=All" if _DRY in (entry.labels or ()) else "",
        user=User(who.principal_email or who.principal_subject),
        request_object=_plain(payload.request),
        response_object=_plain(payload.response),
    )


def _reference(payload: _Payload) -> Reference:
    """Return the object that `<group>/<version>/[namespaces/<namespace>/]<resource>[/<name>[/<subresource>]]` names."""
    parts = payload.resource_name.split("/")[2:]
    inside = parts[:1] == ["namespaces"] and len(parts) > 2 and ".namespaces." not in payload.method_name  # noqa: PLR2004
    namespace, place = (parts[1], parts[2:]) if inside else ("", parts)
    resource, name, subresource = (*place, "", "", "")[:3]
    found = {"resource": resource, "namespace": namespace, "name": name, "subresource": subresource}
    return msgspec.convert(found, Reference)


def _response(payload: _Payload) -> Response:
    answer = head(payload.response) or Head()
    told = _status.decode(payload.response) if answer.kind == "Status" else _Status()
    well = payload.status.code == 0 and told.status != "Failure"
    return Response(200 if well else 500, told.details)


def _plain(raw: Raw) -> Raw:
    """Return the object as the API server sent it, without the `@type` that Cloud Logging writes into it."""
    found = _object.decode(raw)
    if not found:
        return _NULL
    return Raw(msgspec.json.encode({name: value for name, value in found.items() if name != "@type"}))
