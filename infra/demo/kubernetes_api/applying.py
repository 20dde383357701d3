"""Server-side apply: merge what a manager wants into what stands there, by who owns which field."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from infra.demo.kubernetes_api import lists
from infra.demo.kubernetes_api.fields import INNER, Path, fields_of
from infra.demo.kubernetes_api.ownership import entries_of, granted, shares_of
from infra.demo.kubernetes_api.refusals import Refusal

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.ownership import Manager, Share


def apply(live: Document | None, wanted: Document, who: Manager, *, force: bool, custom: bool) -> Document:
    """Return the merged object with its new `managedFields`, or refuse fields that others own with another value."""
    fields = fields_of(wanted, custom=custom)
    mine = frozenset(path for path, value in fields.items() if value is not INNER or path[-1].startswith("k:"))
    shares = shares_of(live)
    taken = _taken(shares, live or {}, fields, who, custom=custom)
    if taken and not force:
        raise _conflict(taken)
    result: Document = _merge(copy.deepcopy(live or {}), wanted, (), custom=custom)
    _drop(result, _given_up(shares, who, mine))
    others = [replace(one, paths=one.paths - {path for _, path in taken}) for one in shares if one.manager != who]
    same = [one for one in shares if one.manager == who]
    result.setdefault("metadata", {})["managedFields"] = entries_of(granted([*others, *same], who, mine))
    return result


def _taken(
    shares: list[Share], live: Document, fields: dict[Path, Any], who: Manager, *, custom: bool
) -> list[tuple[Manager, Path]]:
    now = fields_of(live, custom=custom)
    changed = {path for path, value in fields.items() if value is not INNER and path in now and now[path] != value}
    return [(one.manager, path) for one in shares if one.manager != who for path in sorted(one.paths & changed)]


def _conflict(taken: list[tuple[Manager, Path]]) -> Refusal:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{who.name}"', "field": _dotted(path)}
        for who, path in taken
    ]
    listed = "\n".join(f"- {cause['field']}" for cause in causes)
    conflicts = "1 conflict" if len(taken) == 1 else f"{len(taken)} conflicts"
    message = f"Apply failed with {conflicts}: conflicts with {sorted({who.name for who, _ in taken})}:\n{listed}"
    return Refusal(HTTPStatus.CONFLICT, "Conflict", message, {"causes": causes})


def _dotted(path: Path) -> str:
    steps = (f".{step[2:]}" if step.startswith("f:") else f"[{step[2:]}]" for step in path)
    return "".join(steps)


def _merge(live: Any, wanted: Any, names: Path, *, custom: bool) -> Any:
    whole = bool(names) and lists.is_atomic(names, custom=custom)
    if isinstance(live, dict) and isinstance(wanted, dict) and not whole:
        for key, value in wanted.items():
            live[key] = _merge(live[key], value, (*names, key), custom=custom) if key in live else copy.deepcopy(value)
        return live
    keys = lists.apply_keys(names, custom=custom) if isinstance(live, list) and isinstance(wanted, list) else None
    if keys is None:
        return copy.deepcopy(wanted)
    return _merge_items(live, wanted, keys, names, custom=custom)


def _merge_items(live: list[Any], wanted: list[Any], keys: Path, names: Path, *, custom: bool) -> list[Any]:
    there = {lists.identity(item, keys): item for item in live}
    for item in wanted:
        name = lists.identity(item, keys)
        there[name] = _merge(there[name], item, (*names, ""), custom=custom) if name in there else copy.deepcopy(item)
    return list(there.values())


def _given_up(shares: list[Share], who: Manager, mine: frozenset[Path]) -> list[Path]:
    """Return the paths that `who` no longer wants and below which nobody else owns anything, outer ones first."""
    before = {path for one in shares if one.manager == who for path in one.paths}
    others = {
        path[:depth] for one in shares if one.manager != who for path in one.paths for depth in range(len(path) + 1)
    }
    return sorted(path for path in before - mine - others if not _names_its_item(path))


def _names_its_item(path: Path) -> bool:
    item = path[-2] if len(path) > 1 else ""
    return item.startswith("k:") and path[-1][2:] in json.loads(item[2:])


def _drop(document: Document, paths: list[Path]) -> None:
    for path in paths:
        _drop_one(document, path)


def _drop_one(holder: Any, path: Path) -> None:
    step, *below = path
    key = _position(holder, step)
    if key is None:
        return
    if below:
        _drop_one(holder[key], tuple(below))
    if not below or holder[key] in ({}, []):
        del holder[key]


def _position(holder: Any, step: str) -> Any:
    if step.startswith("f:"):
        return step[2:] if isinstance(holder, dict) and step[2:] in holder else None
    return next((at for at, item in enumerate(holder) if _named(item, step)), None)


def _named(item: Any, step: str) -> bool:
    value = json.loads(step[2:])
    if step.startswith("v:"):
        return bool(item == value)
    return lists.identity(item, tuple(value)) == tuple(value.values())
