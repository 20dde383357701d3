"""Which kinds of objects are watched, and what of each counts as a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from shared.errors import Misconfigured
from shared.services.subscriber.surroundings import KINDS

_SPEC: Final = ("spec",)
_CONTENT: Final[Mapping[str, tuple[str, ...]]] = {
    "ConfigMap": ("data", "binaryData", "immutable"),
    "Secret": ("data", "type", "immutable"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout"), _SPEC),
}
_SCALABLE: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "Rollout"})


class Kind(msgspec.Struct, frozen=True):
    """A watched kind and where the API server serves it; `group` is empty for the core.

    `content` are the top-level fields that count; none stands for all but metadata and status.
    `told` is whether the subscriber knows the resource only if it is told.
    """

    kind: str
    group: str
    version: str
    plural: str
    content: tuple[str, ...] = ()
    scalable: bool = False
    told: bool = False

    @property
    def resource(self) -> str:
        """Return `<group>/<version>/<plural>`, without a group for the core."""
        return "/".join(part for part in (self.group, self.version, self.plural) if part)

    @property
    def written(self) -> str:
        """Return it as `--kind` takes it."""
        return f"{self.kind}={self.resource}" if self.told else self.kind


def kind_of(text: str) -> Kind:
    """Return the kind that a person named: `ConfigMap`, or `Gadget=example.org/v1/gadgets` for one we do not know.

    Raises `Misconfigured` for anything else: reviews and settings go by the kind, so a resource alone is not enough.
    """
    kind, given, resource = text.partition("=")
    place = (resource if given else KINDS.get(kind, "")).split("/")
    if not (kind.isalnum() and len(place) in {2, 3} and all(place)):
        known = ", ".join(sorted(KINDS))
        raise Misconfigured(f"{text!r} is no kind: write Kind=group/version/plural, or one of {known}")
    group, version, plural = ["", *place][-3:]
    return Kind(kind, group, version, plural, _CONTENT.get(kind, ()), kind in _SCALABLE, kind not in KINDS)


DEFAULT: Final = tuple(map(kind_of, ("Deployment", "StatefulSet", "DaemonSet")))
