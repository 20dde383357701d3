"""Kubernetes objects as the API server sends them: metadata read first and cheaply, the rest only when needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw

from shared.errors import BadInput
from shared.model.changes import EXPERIMENT_ID, GITOPS, WORKFLOW, Side

Sight = Callable[[dict[str, Any]], Side]
"""Makes one side of a sighting of an object."""

Name = Annotated[str, Meta(max_length=253, pattern=r"^[^/\x00-\x1f]*$")]
"""The name of a kind, a namespace or an object: what may be a segment of the API server's paths."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]
"""A uid, a request uid or an auditID."""


class User(msgspec.Struct, frozen=True):
    """Who made a request."""

    username: str = ""
    groups: tuple[str, ...] | None = None


KINDS: Final = {
    "configmaps": "ConfigMap",
    "cronjobs": "CronJob",
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "jobs": "Job",
    "replicasets": "ReplicaSet",
    "replicationcontrollers": "ReplicationController",
    "rollouts": "Rollout",
    "secrets": "Secret",
    "statefulsets": "StatefulSet",
}
"""Kinds by their resource's name, for messages that carry no object of the kind: `scale` and audited deletions."""

_KEYS: Final = frozenset({GITOPS, WORKFLOW, EXPERIMENT_ID})


class Metadata(msgspec.Struct, frozen=True):
    """What we read of an object's metadata, each field checked."""

    name: Name | None = None
    namespace: Name | None = None
    uid: Annotated[str, Meta(max_length=128)] | None = None
    generation: int | None = None
    resourceVersion: str | None = None  # noqa: N815 - the API's own name
    creationTimestamp: str | None = None  # noqa: N815 - likewise
    deletionTimestamp: str | None = None  # noqa: N815 - likewise
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None

    @property
    def annotated(self) -> bool:
        """Whether any of our annotations is there, opted in or not."""
        return not _KEYS.isdisjoint(self.annotations or ())


class Head(msgspec.Struct, frozen=True):
    """An object's kind and metadata; the rest is left undecoded."""

    kind: Name = ""
    metadata: Metadata | None = None

    @property
    def meta(self) -> Metadata:
        """The metadata, empty where the object has none."""
        return self.metadata or _NO_METADATA


_NO_METADATA: Final = Metadata()
_head: msgspec.json.Decoder[Head | None] = msgspec.json.Decoder(Head | None)
_whole = msgspec.json.Decoder(dict[str, Any])

Unreadable: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, JSON of another shape, or nested too deeply."""


def head(raw: Raw) -> Head | None:
    """Return kind and metadata of an object, None for `null`; raises one of `Unreadable`."""
    return _head.decode(raw)


def look(raw: Raw | None, sight: Sight) -> Side | None:
    """Return what `sight` makes of the whole object, None for none; `BadInput` if it cannot be read."""
    try:
        return None if raw is None else sight(_whole.decode(raw))
    except Unreadable as error:
        raise BadInput(f"the object cannot be read: {error}") from error
