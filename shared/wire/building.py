"""Builds documents from YAML events without recursion, so that no nesting can exhaust the stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from shared.wire.documents import Branch, Document
from shared.wire.nodes import MERGE, Node, Open, flaw, place, scalar

MAX_DEPTH: Final = 100
MAX_ALIASES: Final = 1_000

_CONTAINERS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_TOO_DEEP: Final = f"nested over {MAX_DEPTH} levels deep; write it flatter"


class Builder:
    """Takes the events of a stream one by one; raises `Flaw` at the first that breaks a rule."""

    def __init__(self) -> None:
        self._takes: dict[type[Event], Callable[[Any], Document | None]] = {
            DocumentStartEvent: self._begin,
            ScalarEvent: self._scalar,
            AliasEvent: self._alias,
            MappingStartEvent: self._open,
            SequenceStartEvent: self._open,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            DocumentEndEvent: self._end,
        }
        self._aliases = 0

    def take(self, event: Event) -> Document | None:
        """Take the next event; return a document when it ends one that is not empty."""
        handle = self._takes.get(type(event))
        return handle(event) if handle else None

    def _begin(self, event: DocumentStartEvent) -> None:
        self._start = place(event)
        self._stack: list[Open] = []
        self._anchors: dict[str, Node] = {}
        self._branches: dict[int, Branch] = {}

    def _end(self, _event: DocumentEndEvent) -> Document | None:
        empty = self._root.value is None and not self._root.source
        return None if empty else Document(self._root.value, self._start, self._branches)

    def _scalar(self, event: ScalarEvent) -> None:
        if event.value == MERGE and event.implicit[0] and self._wants_key:
            self._stack[-1].merging = True
        self._finish(scalar(event), event.anchor)

    def _alias(self, event: AliasEvent) -> None:
        self._aliases += 1
        anchor = str(event.anchor)
        node = self._anchors.get(anchor)
        if node is None:
            raise flaw(event, f"the alias *{anchor[:40]} names no value that ended before it; write it out")
        if self._aliases > MAX_ALIASES:
            raise flaw(event, f"over {MAX_ALIASES} aliases; write the values out")
        if len(self._stack) + node.height > MAX_DEPTH:
            raise flaw(event, _TOO_DEEP)
        self._no_key(event, node.value)
        self._finish(replace(node, place=place(event)), None)

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if event.tag not in _CONTAINERS:
            raise flaw(event, f"the tag {event.tag[:60]} does not fit here; delete it")
        if len(self._stack) >= MAX_DEPTH:
            raise flaw(event, _TOO_DEEP)
        branch = Branch({} if isinstance(event, MappingStartEvent) else [])
        self._no_key(event, branch.container)
        self._branches[id(branch.container)] = branch
        self._stack.append(Open(branch, place(event), event.anchor))

    def _close(self, _event: Event) -> None:
        top = self._stack.pop()
        top.merge(self._branches)
        self._finish(Node(top.branch.container, top.place, top.weight, top.height), top.anchor)

    def _finish(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1].hold(node)
        else:
            self._root = node

    @property
    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].wants_key

    def _no_key(self, event: MappingStartEvent | SequenceStartEvent | AliasEvent, value: object) -> None:
        if isinstance(value, dict | list) and self._wants_key:
            raise flaw(event, "a key must be a string; put it in quotes, as in '{{…}}'")
