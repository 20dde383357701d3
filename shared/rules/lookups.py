"""JMESPath keys of policies, compiled once, and what may be shown of the values that they find."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from shared.rules.digests import SEAL

HIDDEN: Final = "(hidden)"
SEALED: Final = "(sealed)"
"""What is shown of a value that is known by its seal only."""

SHOWN: Final = 200
"""How many characters of a value are shown."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_PRIVATE: Final = frozenset({"env", "envFrom", _LAST_APPLIED})
_SECRET: Final = frozenset({"data", "stringData", _LAST_APPLIED})
_VERSIONED: Final = ("version", "image", "tag")
_SELECTS: Final = frozenset({"multi_select_list", "multi_select_dict"})
_WHOLE: Final = frozenset({"current", "value_projection", "function_expression", *_SELECTS})
_SIMPLE: Final = frozenset(
    {"field", "subexpression", "index", "index_expression", "slice", "projection", "value_projection", "flatten"}
    | {"identity", "current", "pipe", *_SELECTS}
)
"""Nodes that only walk and never look at a value: on sealed objects they find the seals of what they would find."""

_STEPS: Final = frozenset({"field", "index", "subexpression", "index_expression", "identity"})
_EVERYTHING: Final = frozenset({"current", "value_projection"})
_SEAL: Final = re.compile(rf"{SEAL}[0-9a-f]{{64}}", re.ASCII)
_CACHED: Final = 4_096


@dataclass(frozen=True, slots=True)
class Key:
    """A compiled key: `fields` are the names in it, `first` and `last` those where its path begins and ends.

    `whole` says that it may take up more of an object than it names, `simple` that it never looks at a value on its
    way, and `counting` that `spec.replicas` may be part of what it finds. `steps` are the names and indexes of a key
    that is nothing else, as most are: it is walked.
    """

    text: str
    expression: Any
    fields: frozenset[str]
    first: str
    last: str
    whole: bool
    simple: bool
    counting: bool
    steps: tuple[str | int, ...] | None = None

    @property
    def versioned(self) -> bool:
        """Whether it names a version or an image."""
        return self.last.lower().endswith(_VERSIONED)

    def find(self, content: dict[str, Any]) -> Any:
        """Return the value in an object, None where there is none or the key cannot be evaluated on it."""
        if self.steps is not None:
            return _walked(content, self.steps)
        try:
            return self.expression.search(content)
        except (JMESPathError, RecursionError):
            return None

    def private(self, kind: str) -> bool:
        """Whether what it finds in an object of this kind may be a secret."""
        if kind == "Secret":
            return self.whole or self.first != "metadata" or not self.fields.isdisjoint(_SECRET)
        return not self.fields.isdisjoint(_PRIVATE)

    def show(self, value: Any, kind: str) -> Any:
        """Return what may be shown of a value that it found: at most 200 characters, and nothing that may be secret."""
        if value is None:
            return None
        if self.private(kind):
            return HIDDEN
        if hides(value):
            return SEALED
        if isinstance(value, int | float):
            return value
        if self.whole:
            return f"({type(value).__name__} of {len(value)})"
        return cut(value if isinstance(value, str) else _written(value))


def _walked(value: Any, steps: tuple[str | int, ...]) -> Any:
    """Return what JMESPath finds by these names and indexes: nothing where one of them does not fit."""
    for step in steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
    return value


def hides(value: Any) -> bool:
    """Whether there is a seal in a value, so that it cannot be compared with anything but seals."""
    if isinstance(value, str):
        return value.startswith(SEAL) and _SEAL.fullmatch(value) is not None
    waiting: list[Any] = [value] if isinstance(value, dict | list) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and _SEAL.fullmatch(one):
            return True
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False


def cut(text: str) -> str:
    """Return the text, or its first 199 characters and an ellipsis."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _written(value: Any) -> str:
    """Return a value as JSON, until it is too long to be shown."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > SHOWN:
            break
    return text


@lru_cache(maxsize=_CACHED)
def key(text: str) -> Key:
    """Compile a key that was checked when its policy was read."""
    expression = jmespath.compile(text)
    types = {node["type"] for node in _nodes(expression.parsed, filters=True)}
    fields = frozenset(node["value"] for node in _nodes(expression.parsed, filters=True) if node["type"] == "field")
    path = [node["value"] for node in _nodes(expression.parsed, filters=False) if node["type"] == "field"]
    return Key(
        text=text,
        expression=expression,
        fields=fields,
        first=path[0] if path else "",
        last=path[-1] if path else "",
        whole=any(node["type"] in _WHOLE for node in _nodes(expression.parsed, filters=False)),
        simple=types <= _SIMPLE,
        counting="replicas" in fields or fields <= {"spec"} or not types.isdisjoint(_EVERYTHING),
        steps=_steps(expression.parsed) if types <= _STEPS else None,
    )


def _steps(tree: Any) -> tuple[str | int, ...]:
    """Return the names and indexes in the order in which they are taken."""
    if tree["type"] in {"field", "index"}:
        return (tree["value"],)
    return tuple(step for child in tree["children"] for step in _steps(child))


def _nodes(tree: Any, *, filters: bool) -> Iterator[Any]:
    yield tree
    children = tree["children"]
    for child in children if filters or tree["type"] != "filter_projection" else children[:2]:
        if isinstance(child, dict):
            yield from _nodes(child, filters=filters)


def _pieces(value: Any) -> Iterator[str]:
    """Yield a value as JSON, bit by bit, with what may be secret left out."""
    if isinstance(value, dict):
        yield "{"
        for index, (name, below) in enumerate(value.items()):
            yield f"{', ' if index else ''}{json.dumps(name, ensure_ascii=False)}: "
            yield from (HIDDEN,) if name in _PRIVATE | _SECRET else _pieces(below)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, below in enumerate(value):
            yield ", " if index else ""
            yield from _pieces(below)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False)
