"""A document read from a file, with the place of every value, so that a finding can name line and column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec

from shared.model.experiments import Problem

Step: TypeAlias = str | int
Place: TypeAlias = tuple[int, int]

_SHOWN: Final = 60


class Flaw(Exception):
    """A reader found what makes the whole document unusable; `problem` says what and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Written(msgspec.Struct, frozen=True):
    """A number or boolean by how it is written, since `1.10` is another version than `1.1`."""

    text: str


@dataclass(frozen=True, slots=True)
class Branch:
    """The places of one mapping's or list's children, and the text of those that are no strings.

    `blocks` holds the first line of each text that stands as a literal block (`|`), line for line.
    """

    container: Any
    places: dict[Step, Place] = field(default_factory=dict)
    sources: dict[Step, str] = field(default_factory=dict)
    blocks: dict[Step, int] = field(default_factory=dict)

    def remember(self, step: Step, place: Place, source: str | None, block: int | None = None) -> None:
        """Note where a child is, if it is no string, how it was written, and if it is a block, where that begins."""
        self.places[step] = place
        if source is not None:
            self.sources[step] = source
        if block is not None:
            self.blocks[step] = block

    def inherit(self, other: Branch) -> None:
        """Take over the fields of another mapping that are missing here, with their places."""
        for step in other.places.keys() - self.places.keys():
            self.remember(step, other.places[step], other.sources.get(step), other.blocks.get(step))
        for key, value in other.container.items():
            self.container.setdefault(key, value)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as JSON-like values; `branches` is keyed by the identity of each container in it."""

    value: Any
    place: Place
    branches: dict[int, Branch]

    @property
    def root(self) -> At:
        """The cursor at the top."""
        return At(self, self.value)

    def mark(self, *path: Step) -> Place:
        """Return line and column, from 1, of the field or list item at `path`, or of its nearest ancestor that exists.

        A field is where its key is.
        """
        places = [branch.places[step] for branch, step in self._walk(path)]
        return places[-1] if places else self.place

    def source(self, *path: Step) -> str | None:
        """Return the number or boolean at `path` as it was written (`1.10`, not 1.1), None for anything else."""
        walked = list(self._walk(path))
        return walked[-1][0].sources.get(path[-1]) if len(walked) == len(path) else None

    def block(self, *path: Step) -> int | None:
        """Return the line on which the literal block at `path` begins, None where there is none."""
        walked = list(self._walk(path))
        return walked[-1][0].blocks.get(path[-1]) if len(walked) == len(path) else None

    def written(self) -> Any:
        """Return the values with numbers and booleans as they are written, so that `==` tells all apart."""
        return self._written(self.value, None if isinstance(self.value, dict | list) else shown(self.value))

    def _written(self, value: Any, source: str | None) -> Any:
        if not isinstance(value, dict | list):
            return Written(source) if isinstance(value, int | float) and source else value
        sources = self.branches[id(value)].sources
        if isinstance(value, list):
            return [self._written(child, sources.get(index)) for index, child in enumerate(value)]
        return {key: self._written(child, sources.get(key)) for key, child in value.items()}

    def _walk(self, path: tuple[Step, ...]) -> Iterator[tuple[Branch, Step]]:
        value = self.value
        for step in path:
            branch = self.branches.get(id(value))
            if branch is None or step not in branch.places:
                return
            yield branch, step
            value = branch.container[step]


@dataclass(frozen=True, slots=True)
class At:
    """A cursor in a document: the value at `path` (None where there is none), and how to complain about it."""

    document: Document
    value: Any
    path: tuple[Step, ...] = ()

    @property
    def where(self) -> str:
        """The path as people write it, such as `spec.templates[0].name`."""
        return where(self.path)

    def problem(self, message: str) -> Problem:
        """Return a finding about this place."""
        return Problem(message, *self.document.mark(*self.path))

    @property
    def line(self) -> int:
        """The line of this place, or of its nearest ancestor that exists."""
        return self.document.mark(*self.path)[0]

    def inside(self, line: int) -> int:
        """Return the file's line of a line of the text here: its own in a literal block, else that of this place."""
        block = self.document.block(*self.path)
        return self.line if block is None else block + line - 1

    def flaw(self, message: str) -> Flaw:
        """Return the exception that ends the reading because of this place."""
        return Flaw(self.problem(message))

    def mapping(self) -> dict[str, Any]:
        """Return the mapping here, empty where there is nothing."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.flaw(f"{self.where} must be a mapping, found {shown(self.value)}")
        return self.value

    def get(self, *keys: str) -> At:
        """Return the cursor at a field below, with the value None where any part of the way is missing."""
        here = self
        for key in keys:
            here = At(here.document, here.mapping().get(key), (*here.path, key))
        return here

    def fields(self) -> list[tuple[str, At]]:
        """Return the mapping's keys with cursors at their values."""
        return [(key, At(self.document, value, (*self.path, key))) for key, value in self.mapping().items()]

    def items(self) -> list[At]:
        """Return cursors at the items of the list here, none where there is nothing."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.flaw(f"{self.where} must be a list, found {shown(self.value)}")
        return [At(self.document, value, (*self.path, index)) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Return the string here, empty where there is nothing."""
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            raise self.flaw(f"{self.where} must be a string, found {shown(self.value)}; put it in quotes")
        return self.value

    def word(self) -> str:
        """Return the string here, or the number or boolean as it was written, empty where there is nothing."""
        if isinstance(self.value, int | float):
            return self.document.source(*self.path) or shown(self.value)
        return self.text()

    def strings(self) -> dict[str, str]:
        """Return the mapping of strings here, as labels and annotations are; a null counts as the empty string."""
        return {key: at.text() for key, at in self.fields()}


def where(path: Iterable[Step]) -> str:
    """Return a path as people write it, such as `spec.templates[0].name`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".") or "the file"


def shown(value: object) -> str:
    """Return what was found in words: its kind, and a scalar itself, cut to 60 characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"{value[:_SHOWN]!r}"
    return "nothing" if value is None else json.dumps(value)
