"""What two sights of one object tell about each other: newer or older, joined, the same or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.model.changes import Changed, Side
from shared.rules.digests import counted, digest
from shared.rules.paths import diff, value_at

_UNCOMPARED = frozenset({"apiVersion", "kind"})


def changed(old: Side | None, new: Side) -> tuple[Changed, ...]:
    """Return what differs outside metadata and status; of a new object, all that it has.

    `apiVersion` and `kind` are left out: one object is served in several versions.
    """
    return diff(_body(old.content) if old else {}, _body(new.content))


def metadata_changed(old: Side | None, new: Side) -> tuple[Changed, ...]:
    """Return which annotations and labels differ."""
    return diff(_marks(old.content) if old else _marks({}), _marks(new.content))


def shows(side: Side, one: Changed) -> bool:
    """Whether the field has this very value in the object."""
    return digest(value_at(side.content, one.path)) == one.digest


def same(one: Side, other: Side) -> bool:
    """Whether both show one state of one object, annotations and labels included."""
    if (one.uid, one.digest) != (other.uid, other.digest):
        return False
    return _marks(one.content) == _marks(other.content)


def older(one: Side, other: Side) -> bool:
    """Whether `one` was persisted before `other`, by resourceVersion or by generation, as far as both have them.

    Source: resource versions of one object are ordered integers (Kubernetes 1.35, KEP-5504).
    """
    if 0 < _revision(one) < _revision(other):
        return True
    return one.generation is not None and other.generation is not None and one.generation < other.generation


def created_before(one: Side, other: Side) -> bool:
    """Whether `one` is of an object that was created before the object of `other`."""
    ours, theirs = (_metadata(side.content).get("creationTimestamp") for side in (one, other))
    return bool(ours and theirs and one.uid != other.uid and ours < theirs)


def leaving(side: Side | None) -> bool:
    """Whether the object is being deleted and only waits for its finalizers."""
    return side is not None and bool(_metadata(side.content).get("deletionTimestamp"))


def replicas(side: Side) -> int | None:
    """Return `spec.replicas`, None where there is no such number."""
    found = _mapping(side.content.get("spec")).get("replicas")
    return found if type(found) is int else None


def wanted(scale: Side) -> int:
    """Return the replicas of a `Scale`, which leaves a zero out (k8s.io/api/autoscaling/v1: `omitempty`)."""
    return replicas(scale) or 0


def at_once(one: Side, other: Side) -> bool:
    """Whether both show the workload at one resourceVersion (a candidate: the one that it would replace)."""
    return 0 < _revision(one) == _revision(other)


def scaled(base: Side, scale: Side, steps: int | None = None) -> Side:
    """Return the workload `base` with the replicas and the resourceVersion of a `Scale`.

    Its generation moves by `steps`, else by one if the replicas differ.
    """
    count, metadata = wanted(scale), _metadata(scale.content)
    moved = count != replicas(base)
    spec = {**_mapping(base.content.get("spec")), "replicas": count}
    content = {**base.content, "spec": spec, "metadata": {**_metadata(base.content), **_version(metadata)}}
    return msgspec.structs.replace(
        base,
        content=content,
        digest=digest(counted(content)) if moved else base.digest,
        generation=base.generation and base.generation + (moved if steps is None else steps),
        partial=True,
    )


def _version(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metadata[name] for name in ("resourceVersion",) if name in metadata}


def template(side: Side) -> Any:
    """Return the pod template, None for a kind that has none."""
    spec = _mapping(side.content.get("spec"))
    return spec.get("template") or spec.get("jobTemplate")


def marks(side: Side) -> str:
    """Return the digest of annotations and labels."""
    return digest(_marks(side.content))


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in counted(content).items() if name not in _UNCOMPARED}


def _marks(content: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _metadata(content)
    return {"metadata": {name: metadata.get(name) or {} for name in ("annotations", "labels")}}


def _metadata(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(content.get("metadata"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _revision(side: Side) -> int:
    found = str(_metadata(side.content).get("resourceVersion") or "")
    return int(found) if found.isascii() and found.isdigit() and len(found) <= 19 else 0  # noqa: PLR2004 - int64
