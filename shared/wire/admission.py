"""AdmissionReview v1 of kube-apiserver: in, what is asked about; out, always `allowed`.

Source of the fields: k8s.io/api/admission/v1, types.go.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import Raw

from shared.errors import BadInput
from shared.model.changes import Side, Sighting, Workload, subject_of
from shared.wire.objects import KINDS, Head, Id, Name, Sight, Unreadable, User

LIMIT: Final = 8 << 20
"""Bytes of a review: etcd takes objects of 1.5 MiB, a review holds two, and JSON may double them."""

ONLY_COUNTED: Final = frozenset({"dry_run", "other", "not_annotated"})
"""What reviews come to that cannot matter, of which a busy cluster sends many."""

_VERSION: Final = "admission.k8s.io/v1"
_KIND: Final = "AdmissionReview"
_NOBODY: Final = User()


class _Kind(msgspec.Struct, frozen=True):
    kind: Name


class _Resource(msgspec.Struct, frozen=True):
    resource: Name


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    uid: Id
    operation: Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
    kind: _Kind
    resource: _Resource
    sub_resource: str | None = None
    name: Name | None = None
    namespace: Name | None = None
    dry_run: bool | None = None
    user_info: User | None = None
    object: Head | None = None
    old_object: Head | None = None


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: _Request | None = None


class _Objects(msgspec.Struct, frozen=True, rename="camel"):
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None


class _Whole(msgspec.Struct, frozen=True):
    request: _Objects


class _NeededRequest(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    uid: str
    operation: str
    kind: _Kind
    resource: _Resource
    sub_resource: str | None = None
    name: str | None = None
    namespace: str | None = None
    user_info: User | None = None
    object: dict[str, Raw] | None = None
    old_object: dict[str, Raw] | None = None


class _Needed(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: _NeededRequest


_needed = msgspec.json.Decoder(_Needed)
_parts = msgspec.json.Decoder(dict[str, Raw] | None)
_decoder = msgspec.json.Decoder(_Review)
_whole = msgspec.json.Decoder(_Whole)


class Review(msgspec.Struct, frozen=True):
    """What is asked about, from the request and both objects' metadata; `body` holds the objects, yet to be decoded.

    `annotated`: whether either side has one of our annotations. `kind` is the workload's, also where a `Scale` came;
    `kinds` are all that are named, by the request and by its objects.
    """

    uid: str
    operation: Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
    kind: str
    namespace: str
    name: str
    sub_resource: str
    dry_run: bool
    annotated: bool
    actor: str
    actor_groups: tuple[str, ...]
    body: bytes
    traceparent: str
    kinds: frozenset[str]

    @property
    def subject(self) -> str:
        """The workload as the ledger names it."""
        return subject_of(self.kind, self.namespace, self.name)

    @property
    def scale(self) -> bool:
        """Whether the objects are `Scale`s of the workload, which carry no annotations."""
        return self.sub_resource == "scale"

    @property
    def untold(self) -> str | None:
        """Why it cannot matter, one of `ONLY_COUNTED`; None if it may."""
        if self.dry_run:
            return "dry_run"
        if self.operation == "CONNECT" or self.sub_resource not in {"", "scale"}:
            return "other"
        return None if self.annotated or self.scale else "not_annotated"

    def needed(self) -> bytes:
        """Return the review with what is read of it alone: nothing else of who asked, no status, no managed fields."""
        whole = _needed.decode(self.body)
        old, new = _lean(whole.request.old_object), _lean(whole.request.object)
        request = msgspec.structs.replace(whole.request, old_object=old, object=new)
        return msgspec.json.encode(msgspec.structs.replace(whole, request=request))

    def sighting(self, cluster: str, at: str, sight: Sight) -> Sighting:
        """Return the review as a sighting in `cluster` at `at` (RFC 3339 UTC); `sight` makes a side of an object.

        Raises `BadInput` where an object cannot be read.
        """
        old, new = self._sides(sight)
        return Sighting(
            id=self.uid,
            source="admission",
            operation=self.operation,  # type: ignore[arg-type]
            workload=Workload(cluster, self.kind, self.namespace, self.name),
            actor=self.actor,
            at=at,
            old=old,
            new=new,
            actor_groups=self.actor_groups,
            traceparent=self.traceparent,
        )

    def _sides(self, sight: Sight) -> tuple[Side | None, Side | None]:
        try:
            objects = _whole.decode(self.body).request
            old = None if objects.old_object is None else sight(objects.old_object)
            return old, None if objects.object is None else sight(objects.object)
        except Unreadable as error:
            raise BadInput(f"the object cannot be read: {error}") from error


def read_review(body: bytes, traceparent: str = "") -> Review:
    """Return the review in a request body; `traceparent` is the trace that the request continues, if any.

    Raises `BadInput`, saying what is wrong, for whatever is no AdmissionReview v1 with a request.
    """
    try:
        return _review(_request(_decoder.decode(body)), body, traceparent)
    except Unreadable as error:
        raise BadInput(f"no {_KIND} of {_VERSION}: {error}") from error


def allow(uid: str) -> dict[str, object]:
    """Return the answer to the review `uid`: the change may happen."""
    return {"apiVersion": _VERSION, "kind": _KIND, "response": {"uid": uid, "allowed": True}}


def _request(review: _Review) -> _Request:
    if (review.kind, review.api_version) != (_KIND, _VERSION):
        raise BadInput(f"no {_KIND} of {_VERSION}: found {review.kind[:80]!r} of {review.api_version[:80]!r}")
    if review.request is None:
        raise BadInput(f"the {_KIND} holds no request: only the API server's own call can be answered")
    return review.request


def _review(request: _Request, body: bytes, traceparent: str) -> Review:
    old, new = request.old_object, request.object
    scale = request.sub_resource == "scale"
    resource, user = request.resource.resource, request.user_info or _NOBODY
    return Review(
        uid=request.uid,
        operation=request.operation,
        kind=KINDS.get(resource, resource) if scale else request.kind.kind,
        namespace=request.namespace or "",
        name=request.name or _name(new) or _name(old),
        sub_resource=request.sub_resource or "",
        dry_run=bool(request.dry_run),
        annotated=_annotated(old) or _annotated(new),
        actor=user.username,
        actor_groups=user.groups or (),
        body=body,
        traceparent=traceparent,
        kinds=frozenset({request.kind.kind, *(side.kind for side in (old, new) if side)}),
    )


def _lean(parts: dict[str, Raw] | None) -> dict[str, Any] | None:
    """Return an object without its status and managed fields."""
    if parts is None:
        return None
    metadata = _parts.decode(parts["metadata"]) if "metadata" in parts else None
    kept: dict[str, Any] = {name: part for name, part in parts.items() if name != "status"}
    if metadata:
        kept["metadata"] = {name: part for name, part in metadata.items() if name != "managedFields"}
    return kept


def _name(side: Head | None) -> str:
    return (side.meta.name if side else "") or ""


def _annotated(side: Head | None) -> bool:
    return side is not None and side.meta.annotated
