"""Objects whose values do not leave their cluster: what stands in their place, and what policies can still tell.

Every value outside metadata becomes its HMAC under a key that the portal and the cluster's subscriber both derive, so
that two sights still show which fields differ. Structure, `spec.replicas` and the labels of pods stay in plain. What
the keys of policies find is evaluated in the cluster and goes beside the object, so that a change of policies never
looks like a change of the workload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from shared.model.changes import Shown, Side, Sighting, Tracked
from shared.model.heartbeats import Asked
from shared.model.policies import Condition, Policy
from shared.rules.digests import SENSITIVE, canonical, key_name, seal
from shared.rules.lookups import Key, key

MOST_KEYS: Final = 200
"""Keys of policies that are evaluated in a cluster, of each sort; conditions on further ones are unknown there."""

LARGEST: Final = 4096
"""Bytes of JSON of a value that is told; a larger one only shows whether it moved."""

_OPEN: Final = frozenset({"apiVersion", "kind", "metadata"})
_REPLICAS: Final = ("spec", "replicas")
_POD_LABELS: Final = ("spec", "template", "metadata", "labels")

Places = tuple[str, ...]


def sealed(side: Side, secret: bytes, asked: Asked) -> Side:
    """Return a side with its values sealed and what the asked keys find; one that is sealed already stays as it is.

    Where part of it came sealed under another key, it bears the names of both: nothing is to be compared with it.
    """
    if side.sealed:
        return side
    shown = {} if side.partial else _all_shown(side.content, secret, asked)
    content = sealed_content(side.content, secret)
    names = dict.fromkeys((side.under or key_name(secret), key_name(secret)))
    return msgspec.structs.replace(side, content=content, sealed=" ".join(names), shown=shown)


def sealed_content(content: Mapping[str, Any], secret: bytes) -> dict[str, Any]:
    """Return what is kept of an object with every value sealed that is not sealed yet."""
    skipped = {*_OPEN, *SENSITIVE.get(str(content.get("kind")), ())}
    return {name: value if name in skipped else _sealed(value, secret, (name,)) for name, value in content.items()}


def asked_of(policies: Iterable[Policy], cluster: str) -> Asked:
    """Return what the subscriber of a cluster must evaluate, as seals alone do not tell it."""
    conditions = [one for policy in policies if _concerns(policy, cluster) for one in policy.conditions]
    plain = {one.key for one in conditions if one.operator != "Change" and not _is_open(one)}
    moved = {one.key for one in conditions if one.operator == "Change" and not key(one.key).simple} - plain
    return Asked(tuple(sorted(plain)[:MOST_KEYS]), tuple(sorted(moved)[:MOST_KEYS]))


def aligned(
    tracked: Tracked | None, sighting: Sighting, cover: Callable[[Side, str], Side]
) -> tuple[Tracked | None, Sighting]:
    """Return both with their sides in one form: once one that is compared is sealed, `cover` seals all of them.

    It is told the name of a key that sealed one of them, to use it if it can.

    What was sealed under another key can be compared with nothing: then nothing is known of the workload. Sides of a
    review are compared with each other, and a `Scale` bears nothing to seal.
    """
    if tracked is None or sighting.new is None or sighting.old or sighting.new.partial:
        return tracked, sighting
    sides = (tracked.fact, tracked.candidate, tracked.former, sighting.new)
    if len({(one.sealed, one.sealed or one.under) for one in sides if one}) == 1:
        return tracked, sighting
    name = next((one.sealed for one in sides if one and one.sealed), "")
    fact, candidate, former, new = (one and cover(one, name) for one in sides)
    shown = msgspec.structs.replace(sighting, new=new)
    if len({one.sealed for one in (fact, candidate, former, new) if one}) > 1:
        return None, shown
    return msgspec.structs.replace(tracked, fact=fact, candidate=candidate, former=former), shown


def _concerns(policy: Policy, cluster: str) -> bool:
    return policy.problem is None and policy.cluster in {None, cluster}


def _is_open(condition: Condition) -> bool:
    found = key(condition.key)
    return found.simple and found.first == "metadata"


def _sealed(value: Any, secret: bytes, at: Places) -> Any:
    if value is None or at == _POD_LABELS or (at == _REPLICAS and type(value) in {int, float}):
        return value
    if isinstance(value, dict):
        return {name: _sealed(below, secret, (*at, name)) for name, below in value.items()}
    if isinstance(value, list):
        return [_sealed(below, secret, (*at, "")) for below in value]
    return seal(value, secret)


def _all_shown(content: dict[str, Any], secret: bytes, asked: Asked) -> dict[str, Shown]:
    told = {name: _shown(key(name), content, secret, told=True) for name in asked.plain}
    return told | {name: _shown(key(name), content, secret, told=False) for name in asked.moved}


def _shown(path: Key, content: dict[str, Any], secret: bytes, *, told: bool) -> Shown:
    value = path.find(content)
    if value is None:
        return Shown("", told=told)
    if told and len(canonical(value)) <= LARGEST:
        return Shown(seal(value, secret), told=True, value=value)
    return Shown(seal(value, secret))
