"""Finished YAML nodes, and mappings and lists that are still open, within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from yaml.events import Event, ScalarEvent

from shared.model.experiments import Problem
from shared.wire.documents import Branch, Flaw, Place
from shared.wire.scalars import NotFinite, resolve

MAX_EXPANDED: Final = 1 << 20
"""How large a document may be with every alias written out: its values, plus the characters of its scalars."""

MERGE: Final = "<<"

_TAG: Final = "tag:yaml.org,2002:"
_STRINGS: Final = ("!", f"{_TAG}str")
_TYPED: Final[dict[str, type | tuple[type, ...]]] = {
    f"{_TAG}null": type(None),
    f"{_TAG}bool": bool,
    f"{_TAG}int": int,
    f"{_TAG}float": (int, float),
}
_UNSPEAKABLE: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Node:
    """A finished value with its place, and what it weighs and how high it stands with its aliases written out.

    `source` is the text of a scalar that is no string, `block` the line on which a literal block's text begins.
    """

    value: Any
    place: Place
    weight: int = 1
    height: int = 0
    source: str | None = None
    block: int | None = None


@dataclass(slots=True)
class Open:
    """A mapping or list whose end has not come yet; `key` is the mapping's key that waits for its value."""

    branch: Branch
    place: Place
    anchor: str | None
    weight: int = 1
    height: int = 1
    key: str | None = None
    merging: bool = False
    merged: Node | None = None

    @property
    def wants_key(self) -> bool:
        """Whether a mapping's next node is a key."""
        return self.key is None and isinstance(self.branch.container, dict)

    def hold(self, node: Node) -> None:
        """Take the next item, key or value, as its turn is."""
        self.weight += node.weight
        self.height = max(self.height, node.height + 1)
        if self.weight > MAX_EXPANDED:
            raise Flaw(Problem("too large with its aliases written out; use fewer aliases", *node.place))
        if isinstance(self.branch.container, list):
            self._hold_item(node, self.branch.container)
        elif self.key is None:
            self._hold_key(node)
        else:
            self._hold_value(node, self.key, self.branch.container)

    def _hold_item(self, node: Node, items: list[Any]) -> None:
        self.branch.remember(len(items), node.place, node.source, node.block)
        items.append(node.value)

    def _hold_key(self, node: Node) -> None:
        key = node.value if isinstance(node.value, str) else node.source
        if key is None or node.value is None:
            raise Flaw(Problem("a key must be a string; put it in quotes", *node.place))
        if key in self.branch.places:
            line = self.branch.places[key][0]
            raise Flaw(Problem(f"the key {key[:60]!r} was already given on line {line}; keep one", *node.place))
        self.branch.places[key] = node.place
        self.key = key

    def _hold_value(self, node: Node, key: str, fields: dict[str, Any]) -> None:
        if self.merging:
            self.merged = node
        else:
            fields[key] = node.value
            self.branch.remember(key, self.branch.places[key], node.source, node.block)
        self.key, self.merging = None, False

    def merge(self, branches: dict[int, Branch]) -> None:
        """Add what the merged mappings have and this one has not; of several, the first wins (YAML's merge keys)."""
        if self.merged is None:
            return
        del self.branch.places[MERGE]
        sources = self.merged.value if isinstance(self.merged.value, list) else [self.merged.value]
        for source in sources:
            if not isinstance(source, dict):
                raise Flaw(Problem("<< must name a mapping or a list of mappings", *self.merged.place))
            self.branch.inherit(branches[id(source)])


def place(event: Event) -> Place:
    """Return the event's line and column, counted from 1."""
    assert event.start_mark, "both parsers mark every event"
    return event.start_mark.line + 1, event.start_mark.column + 1


def flaw(event: Event, message: str) -> Flaw:
    """Return the exception for a finding at the event."""
    return Flaw(Problem(message, *place(event)))


def scalar(event: ScalarEvent) -> Node:
    """Return the node of a scalar, typed if it is plain or tagged so."""
    value = _value(event)
    if not isinstance(value, str):
        return Node(value, place(event), 1 + len(event.value), source=event.value)
    if event.style == '"' and _UNSPEAKABLE.search(value):
        raise flaw(event, "NUL and halves of surrogate pairs cannot be stored; delete the escape")
    here = place(event)
    return Node(value, here, 1 + len(value), block=here[0] + 1 if event.style == "|" else None)


def _value(event: ScalarEvent) -> Any:
    if event.tag in _STRINGS:
        return event.value
    if event.tag is not None:
        return _tagged(event, event.tag)
    return _resolved(event) if event.implicit[0] else event.value


def _tagged(event: ScalarEvent, tag: str) -> Any:
    value, wanted = _resolved(event), _TYPED.get(tag)
    if wanted is None or not isinstance(value, wanted):
        raise flaw(event, f"the tag {tag[:60]} does not fit here; delete it")
    return value


def _resolved(event: ScalarEvent) -> Any:
    try:
        return resolve(event.value)
    except NotFinite:
        raise flaw(event, f"{event.value} is no number that JSON can hold; put it in quotes") from None
