"""The fields of an object as a set of paths, and the `FieldsV1` form in which `managedFields` stores them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from infra.demo.kubernetes_api import lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infra.demo.kubernetes_api.documents import Document

Path: TypeAlias = tuple[str, ...]
INNER = object()
SYSTEM_FIELDS = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}
    | {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}
)


def fields_of(document: Document, *, custom: bool) -> dict[Path, Any]:
    """Return each path that a manager can own with its value; `INNER` marks a map or list item with fields below it."""
    meta = {key: value for key, value in document.get("metadata", {}).items() if key not in SYSTEM_FIELDS}
    body = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
    body = {key: value for key, value in body.items() if key != "metadata"} | ({"metadata": meta} if meta else {})
    return dict(_walk(body, (), (), custom=custom))


def _walk(value: Any, names: Path, path: Path, *, custom: bool) -> Iterator[tuple[Path, Any]]:
    children = list(_children(value, names, custom=custom))
    if path:
        yield path, INNER if children else value
    for step, name, child in children:
        yield from _walk(child, (*names, name), (*path, step), custom=custom)


def _children(value: Any, names: Path, *, custom: bool) -> Iterable[tuple[str, str, Any]]:
    if isinstance(value, dict) and not (names and lists.is_atomic(names, custom=custom)):
        return [(f"f:{key}", key, child) for key, child in value.items()]
    keys = lists.apply_keys(names, custom=custom) if isinstance(value, list) and names else None
    if keys is None:
        return []
    return [_item(item, keys) for item in value]


def _item(item: Any, keys: tuple[str, ...]) -> tuple[str, str, Any]:
    if keys == lists.SET:
        return f"v:{_compact(item)}", "", None
    named = dict(zip(keys, lists.identity(item, keys), strict=True))
    return f"k:{_compact(named)}", "", item


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def to_trie(paths: Iterable[Path]) -> Document:
    """Return the `fieldsV1` document of a set of paths; `.` marks an owned path that has owned paths below it."""
    root: Document = {}
    members = set(paths)
    for path in sorted(members):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    for path in members:
        node = root
        for step in path:
            node = node[step]
        if node:
            node["."] = {}
    return root


def from_trie(trie: Document, path: Path = ()) -> set[Path]:
    """Return the set of paths that a `fieldsV1` document stands for."""
    if not trie:
        return {path}
    found: set[Path] = set()
    for step, below in trie.items():
        found |= {path} if step == "." else from_trie(below, (*path, step))
    return found
