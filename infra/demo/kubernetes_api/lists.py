"""Which lists of built-in objects are merged by a key instead of being replaced whole.

Facts of the published OpenAPI document (`x-kubernetes-patch-merge-key`, `x-kubernetes-list-map-keys`), for the lists
that workloads, pods and webhook configurations have.
"""

from __future__ import annotations

from typing import Any

SET = ()
STRATEGIC_KEY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "webhooks": "name",
    "matchConditions": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "conditions": "type",
    "ownerReferences": "uid",
}
APPLY_KEYS = {name: (key,) for name, key in STRATEGIC_KEY.items()} | {
    "ports": ("containerPort", "protocol"),
    "finalizers": SET,
}
KEY_DEFAULTS = {"protocol": "TCP"}
ATOMIC_MAPS = frozenset({"selector", "nodeSelector", "labelSelector", "namespaceSelector", "objectSelector"})


def apply_keys(path: tuple[str, ...], *, custom: bool) -> tuple[str, ...] | None:
    """Return the keys that tell a list's items apart, `SET` for a set of scalars, None where the list is one value.

    In a custom resource only the lists of its metadata are keyed: a schema that preserves unknown fields names none.
    """
    if custom and path[:1] != ("metadata",):
        return None
    return APPLY_KEYS.get(path[-1])


def is_atomic(path: tuple[str, ...], *, custom: bool) -> bool:
    """Say whether a map is owned and replaced as one value."""
    return not custom and path[-1] in ATOMIC_MAPS


def identity(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what tells the item apart in its list; a scalar in a set is its own identity."""
    if not keys or not isinstance(item, dict):
        return (item,)
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)
