"""Where in its text each field, item and comment of a document stands, so that it can be copied or replaced."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from shared.model.experiments import Problem
from shared.model.merging import Path, Step
from shared.wire.nodes import place
from shared.wire.yaml import FASTEST, Loader, decoded, events, read_yaml

_DASH: Final = re.compile(r"^[ \t]*(-)(?=\s|\Z)", re.MULTILINE)
_COMMENT: Final = re.compile(r"#[^\r\n]*")
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Span:
    """A value's characters, from `start` up to `end`, and its entries if it is a mapping or a list."""

    start: int
    end: int
    flow: bool = False
    entries: dict[Step, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A field with its key, or an item with its dash (none within brackets)."""

    start: int
    end: int
    value: Span


@dataclass(frozen=True, slots=True)
class Page:
    """A file that holds one document: its text without byte order mark, and what stands where in it."""

    mark: str
    text: str
    values: Any
    root: Span
    comments: dict[int, str]

    def span(self, path: Path) -> Span | None:
        """Return the value at a path, None where it is not written there, as behind an alias."""
        here: Span | None = self.root
        for step in path:
            entry = here and here.entries.get(step)
            here = entry.value if entry else None
        return here

    @property
    def remarks(self) -> Counter[str]:
        """How often each comment stands there."""
        return Counter(self.comments.values())

    def nearest(self, at: int) -> Path:
        """Return the path of the last field or item that begins before the end of a character's line."""
        here, end = self.root, self.line_end(at)
        path: Path = ()
        while begun := [(step, entry) for step, entry in here.entries.items() if entry.start < end]:
            path, here = (*path, begun[-1][0]), begun[-1][1].value
        return path

    def line(self, at: int) -> int:
        """Return where the line begins that a character stands in."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where that line ends, before its break."""
        found = self.text.find("\n", at)
        end = len(self.text) if found < 0 else found
        return end - 1 if found > at and self.text[end - 1] == "\r" else end

    def column(self, at: int) -> int:
        """Return the column of a character, from 0."""
        return at - self.line(at)

    def leads(self, at: int) -> bool:
        """Whether nothing stands before a character in its line."""
        return not self.text[self.line(at) : at].strip(" ")


def read_page(data: bytes, loader: Loader = FASTEST) -> Page | Problem:
    """Return a file with the places of what it holds, or what is wrong with it."""
    document = read_yaml(data, loader)
    if isinstance(document, Problem):
        return document
    text = decoded(data)
    composer = _Composer(text, events(text, loader))
    root = composer.root(document.place)
    mark = _BOM if data.decode().startswith(_BOM) else ""
    return Page(mark, text, document.written(), root, composer.comments)


class _Composer:
    """Follows the events of a text that is known to be good, once."""

    def __init__(self, text: str, stream: Iterator[Event]) -> None:
        self._text = text
        self._stream = stream
        self._read = 0
        self.comments: dict[int, str] = {}

    def root(self, wanted: tuple[int, int]) -> Span:
        """Return the document that begins at a place; comments are collected from the whole stream."""
        found = Span(0, 0)
        for event in self._stream:
            if isinstance(event, DocumentStartEvent):
                span = self._value(next(self._stream))
                found = span if place(event) == wanted else found
        self._comments_until(len(self._text))
        return found

    def _value(self, event: Event) -> Span:
        start, end = _start(event), _end(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(start, flow=bool(event.flow_style))
        if isinstance(event, SequenceStartEvent):
            return self._list(start, flow=bool(event.flow_style))
        if isinstance(event, ScalarEvent) and event.style in {"|", ">"}:
            return self._block(start, end)
        self._skip(start, end)
        return Span(start, end)

    def _mapping(self, start: int, *, flow: bool) -> Span:
        entries: dict[Step, Entry] = {}
        end = start
        while not isinstance(event := next(self._stream), MappingEndEvent):
            key, value = self._value(event), self._value(next(self._stream))
            end = max(key.end, value.end)
            entries[getattr(event, "value", "")] = Entry(key.start, end, value)
        return Span(start, _end(event) if flow else end, flow, entries)

    def _list(self, start: int, *, flow: bool) -> Span:
        entries: dict[Step, Entry] = {}
        end = start
        while not isinstance(event := next(self._stream), SequenceEndEvent):
            value = self._value(event)
            first = value.start if flow else self._dash(end, value.start, first=not entries)
            end = value.end
            entries[len(entries)] = Entry(first, end, value)
        return Span(start, _end(event) if flow else end, flow, entries)

    def _dash(self, behind: int, before: int, *, first: bool) -> int:
        if first and self._text[behind] == "-":
            return behind
        found = _DASH.search(self._text, behind)
        return found.start(1) if found and found.start(1) < before else before

    def _block(self, start: int, end: int) -> Span:
        """A block's empty last lines belong to what follows it, and what its first line says is no text of it."""
        while end > start and self._text[end - 1] in " \t\r\n":
            end -= 1
        self._skip(min(end, self._text.find("\n", start) % (len(self._text) + 1)), end)
        return Span(start, end)

    def _skip(self, start: int, end: int) -> None:
        self._comments_until(start)
        self._read = max(self._read, end)

    def _comments_until(self, end: int) -> None:
        for found in _COMMENT.finditer(self._text, self._read, max(self._read, end)):
            self.comments[found.start()] = found[0].rstrip()
        self._read = max(self._read, end)


def _start(event: Event) -> int:
    assert event.start_mark, "both parsers mark every event"
    return int(event.start_mark.index)


def _end(event: Event) -> int:
    assert event.end_mark, "both parsers mark every event"
    return int(event.end_mark.index)
