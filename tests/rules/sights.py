"""A Deployment `web` as signals show it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Literal

from shared.model.changes import GITOPS, WORKFLOW, Operation, Side, Sighting, Workload
from shared.rules.digests import side

WEB = Workload("c1", "Deployment", "default", "web")
WATCHED = {GITOPS: "true", WORKFLOW: "web-chaos"}
_ids = count()


def at(seconds: float) -> str:
    """Return a time, in seconds after 20:00, as records keep it."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"2026-11-22T{20 + hours:02}:{minutes:02}:{rest:06.3f}Z"


def deployment(
    image: str = "web:1",
    replicas: int | None = 2,
    generation: int | None = 1,
    *,
    uid: str = "u1",
    revision: int | None = None,
    annotations: Mapping[str, str] | None = WATCHED,
    created: str = "2026-11-22T19:00:00Z",
    **metadata: Any,
) -> Side:
    """Return a Deployment."""
    fields: dict[str, Any] = {"uid": uid, "generation": generation, "creationTimestamp": created, **metadata}
    if annotations is not None:
        fields["annotations"] = dict(annotations)
    if revision is not None:
        fields["resourceVersion"] = str(revision)
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}
    return side({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": fields, "spec": spec}, b"")


def scale(replicas: int, *, uid: str = "u1", revision: int | None = None) -> Side:
    """Return a `Scale` of the Deployment, zero left out as the API server does."""
    metadata = {"uid": uid} | ({"resourceVersion": str(revision)} if revision is not None else {})
    spec = {"replicas": replicas} if replicas else {}
    return side({"kind": "Scale", "metadata": metadata, "spec": spec}, b"")


def review(
    old: Side | None, new: Side | None, seconds: float = 0, name: str = "", operation: Operation = "UPDATE"
) -> Sighting:
    """Return an admission review's sighting."""
    return _sighting("admission", operation, seconds, name, old, new)


def event(new: Side | None, seconds: float = 0, name: str = "", operation: Operation = "UPDATE") -> Sighting:
    """Return an audit event's sighting."""
    return _sighting("audit", operation, seconds, name, None, new)


def heartbeat(new: Side, seconds: float = 0) -> Sighting:
    """Return the sighting of a workload that a heartbeat sent whole."""
    return _sighting("heartbeat", "UPDATE", seconds, "", None, new)


def deleted(uid: str, seconds: float = 0) -> Sighting:
    """Return an audit event's sighting of a deletion."""
    return _sighting("audit", "DELETE", seconds, "", Side(uid, {}, "", partial=True), None)


def _sighting(  # noqa: PLR0917 - a sighting's columns
    source: Literal["admission", "audit", "heartbeat"],
    operation: Operation,
    seconds: float,
    name: str,
    old: Side | None,
    new: Side | None,
) -> Sighting:
    return Sighting(name or f"id-{next(_ids)}", source, operation, WEB, "admin", at(seconds), old, new, ("staff",))
