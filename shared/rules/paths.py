"""Which fields two JSON values differ in, as JMESPath expressions, and the way back from a path to its value.

Grammar: `identifier`, `quoted-string` and `index-expression` of the JMESPath specification, and `@` for the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.errors import BadInput
from shared.model.changes import Changed
from shared.rules.digests import digest

LIMIT: Final = 64
"""A difference in more fields is told by the parents that they have in common."""

Steps = tuple[str | int, ...]

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_STEP: Final = re.compile(rf'\.({_PLAIN.pattern})|\.("(?:[^"\\]|\\.)*")|\[([0-9]{{1,9}})\]', re.ASCII)


def diff(old: Any, new: Any) -> tuple[Changed, ...]:
    """Return the fields that differ, in order, at most `LIMIT` of them, each with the digest of its new value.

    A field that is null and one that is not there are the same. Lists of one length are compared item by item, others
    as a whole.
    """
    paths = _bounded(list(_differences(old, new, ())))
    return tuple(Changed(_written(steps), digest(_walk(new, steps))) for steps in paths)


def value_at(obj: Any, path: str) -> Any:
    """Return the value at a path as `diff` writes it, None where there is nothing; `BadInput` for any other path."""
    return _walk(obj, _read(path))


def _differences(old: Any, new: Any, at: Steps) -> Iterator[Steps]:
    if _alike(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), (*at, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, (*at, index))
    elif isinstance(old, bool) != isinstance(new, bool) or old != new:
        yield at


def _alike(old: Any, new: Any) -> bool:
    """Whether both are written alike in JSON, which tells at once of most parts that they do not differ.

    Python finds what differs soonest, yet takes `true` for 1: what it finds equal is written to make sure.
    """
    if old is new:
        return True
    return bool(old == new) and msgspec.json.encode(old, order="sorted") == msgspec.json.encode(new, order="sorted")


def _bounded(paths: list[Steps]) -> list[Steps]:
    depth = max(map(len, paths), default=0)
    while len(paths) > LIMIT:
        depth -= 1
        paths = list(dict.fromkeys(steps[:depth] for steps in paths))
    return paths


def _walk(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = _field(value, step) if isinstance(step, str) else _item(value, step)
    return value


def _field(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _item(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and index < len(value) else None


def _written(steps: Steps) -> str:
    return "".join(map(_write, steps)).removeprefix(".") or "@"


def _write(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return "." + (step if _PLAIN.fullmatch(step) else json.dumps(step))


def _read(path: str) -> Steps:
    if path == "@":
        return ()
    rest = path if path.startswith("[") else f".{path}"
    steps: list[str | int] = []
    while rest:
        step, rest = _step(rest, path)
        steps.append(step)
    return tuple(steps)


def _step(rest: str, path: str) -> tuple[str | int, str]:
    match = _STEP.match(rest)
    if match is None:
        raise BadInput(f'no field path: {path[:80]!r} goes wrong at {rest[:20]!r}; keys are a.b, a."b.c" or a[0]')
    plain, quoted, index = match.groups()
    return plain or (_unquoted(quoted, path) if quoted else int(index)), rest[match.end() :]


def _unquoted(quoted: str, path: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError as error:
        raise BadInput(f"no field path: {path[:80]!r} has a key that is no JSON string: {quoted[:40]}") from error
