"""Manifests as people write them, in many layouts, and edits of them that can be told apart afterwards."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

WORD = re.compile(r"[bgp]\d+")
"""Every scalar, key and comment holds a word that is nowhere else: of the base (b), of git (g) or of the portal (p)."""


@dataclass
class Scalar:
    """A value with the way it is quoted: plain, single, double or literal (a block of two lines)."""

    word: str
    style: str


@dataclass
class Entry:
    """A field or an item with a comment above it and one behind it."""

    key: str
    value: Scalar | Fields | Items
    above: str = ""
    behind: str = ""


@dataclass
class Fields:
    """A mapping."""

    entries: list[Entry] = field(default_factory=list)
    flow: bool = False


@dataclass
class Items:
    """A list of mappings, each with a name; `step` is how far its dashes are indented."""

    entries: list[Entry] = field(default_factory=list)
    step: int = 2


@dataclass
class Writer:
    """Makes up and changes manifests; all it writes is signed."""

    random: Random
    sign: str
    count: int = 0

    def word(self) -> str:
        """Return a word that nobody wrote before."""
        self.count += 1
        return f"{self.sign}{self.count}"

    def scalar(self) -> Scalar:
        """Return a new scalar in some style."""
        return Scalar(self.word(), self.random.choice(("plain", "plain", "single", "double", "literal")))

    def comment(self) -> str:
        """Return a new comment, mostly none."""
        return f"# {self.word()}" if self.random.random() < 0.2 else ""

    def entry(self, depth: int, *, item: bool = False, flow: bool = False) -> Entry:
        """Return a new field or item with all that it holds."""
        value = self._item(depth) if item else self._value(depth, flow=flow)
        return Entry(f"k{self.word()}", value, "" if flow else self.comment(), "" if flow else self.comment())

    def _value(self, depth: int, *, flow: bool) -> Scalar | Fields | Items:
        kind = self.random.choice(("scalar", "scalar", "fields", "items", "flow")) if depth else "scalar"
        if flow or kind == "scalar":
            return Scalar(self.word(), self.random.choice(("plain", "single", "double"))) if flow else self.scalar()
        if kind == "items":
            return Items([self.entry(depth - 1, item=True) for _ in range(self._few())], self.random.choice((0, 2, 4)))
        return self.fields(depth - 1, flow=kind == "flow")

    def _item(self, depth: int) -> Fields:
        named = Entry("name", Scalar(self.word(), "plain"))
        return Fields([named, *(self.entry(max(0, depth - 1)) for _ in range(self.random.randint(0, 2)))])

    def fields(self, depth: int, *, flow: bool = False) -> Fields:
        """Return a new mapping."""
        return Fields([self.entry(depth, flow=flow) for _ in range(self._few())], flow)

    def _few(self) -> int:
        return self.random.randint(1, 4)

    def edited(self, manifest: Fields, edits: int) -> Fields:
        """Return a copy with some changes: of scalars, comments and styles, entries more and less."""
        copy = deepcopy(manifest)
        for _ in range(edits):
            self._edit(self.random.choice(holders(copy)))
        return copy

    def _edit(self, holder: Fields | Items) -> None:
        flow = isinstance(holder, Fields) and holder.flow
        entry = self.random.choice(holder.entries)
        kind = self.random.choice(("scalar", "scalar", "add", "drop", "comment", "style"))
        if kind == "add":
            new = self.entry(1, item=isinstance(holder, Items), flow=flow)
            holder.entries.insert(self.random.randint(entry.key == "name", len(holder.entries)), new)
        elif kind == "drop" and len(holder.entries) > 1 and entry.key != "name":
            holder.entries.remove(entry)
        elif kind == "comment" and not flow:
            entry.behind = f"# {self.word()}"
        elif isinstance(entry.value, Scalar) and entry.key != "name":
            word = self.word() if kind == "scalar" else entry.value.word
            entry.value = Scalar(word, self.random.choice(("plain", "single", "double")))


def holders(value: Scalar | Fields | Items) -> list[Fields | Items]:
    """Return every mapping and list within a value."""
    if isinstance(value, Scalar):
        return []
    return [value, *(holder for entry in value.entries for holder in holders(entry.value))]


def rendered(manifest: Fields, newline: str = "\n", *, closed: bool = True) -> bytes:
    """Return the text; without `closed`, its last line has no end."""
    text = newline.join(_fields(manifest, ""))
    return (text + newline * closed).encode()


def words(text: bytes) -> set[str]:
    """Return the words in a text."""
    return set(WORD.findall(text.decode()))


def _fields(fields: Fields, indent: str) -> list[str]:
    lines = []
    for entry in fields.entries:
        lines += [indent + entry.above] * bool(entry.above)
        lines += _field(entry, indent)
    return lines


def _field(entry: Entry, indent: str) -> list[str]:
    behind = f" {entry.behind}" if entry.behind else ""
    value = entry.value
    if isinstance(value, Items):
        return [f"{indent}{entry.key}:{behind}", *_items(value, indent + " " * value.step)]
    if isinstance(value, Fields) and not value.flow:
        return [f"{indent}{entry.key}:{behind}", *_fields(value, indent + "  ")]
    if isinstance(value, Scalar) and value.style == "literal":
        return [f"{indent}{entry.key}: |{behind}", f"{indent}  {value.word}", "", f"{indent}  end"]
    return [f"{indent}{entry.key}: {_inline(value)}{behind}"]


def _items(items: Items, indent: str) -> list[str]:
    lines = []
    for entry in items.entries:
        assert isinstance(entry.value, Fields)
        first, *rest = _fields(entry.value, indent + "  ")
        lines += [indent + entry.above] * bool(entry.above)
        lines += [f"{indent}- {first.lstrip()}", *rest]
    return lines


def _inline(value: Scalar | Fields | Items) -> str:
    if isinstance(value, Scalar):
        return {"single": f"'{value.word}'", "double": f'"{value.word}"'}.get(value.style, value.word)
    return "{" + ", ".join(f"{entry.key}: {_inline(entry.value)}" for entry in value.entries) + "}"
