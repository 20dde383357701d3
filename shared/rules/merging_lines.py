"""Three-way merge of lines (diff3): changes that lie apart go together, those that touch conflict, as in git."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec

_STEPS: Final = 1_000_000
"""Comparisons (about half a second) after which two texts count as too different to be aligned."""

_Snake: TypeAlias = tuple[int, int, int, Any]
"""A run of equal lines: where it begins in either text, its length, and the run before it."""
_Reach: TypeAlias = tuple[int, _Snake | None]
"""How far into the base a diagonal reaches, and the last run on the way there."""


class Hunk(msgspec.Struct, frozen=True):
    """Lines `start` to `end` of the base stand as lines `first` to `last` on one side."""

    start: int
    end: int
    first: int
    last: int

    @property
    def growth(self) -> int:
        """How many lines longer the side is by this hunk."""
        return (self.last - self.first) - (self.end - self.start)


class Lines(msgspec.Struct, frozen=True):
    """A merge of lines; where both sides changed the same ones differently, it is not `clean` and has git's."""

    lines: list[Any]
    clean: bool


def merge_lines(base: Sequence[Hashable], git: Sequence[Hashable], portal: Sequence[Hashable]) -> Lines | None:
    """Merge two sides that come from one base; None if a side is too different from it to be aligned."""
    ours, theirs = hunks(base, git), hunks(base, portal)
    if ours is None or theirs is None:
        return None
    merged, clean, done = [], True, 0
    for start, end, mine, its in _regions(ours, theirs):
        old, left, right = base[start:end], git[mine[0] : mine[1]], portal[its[0] : its[1]]
        merged += [*base[done:start], *(right if left == old else left)]
        clean = clean and (left in (old, right) or right == old)
        done = end
    return Lines([*merged, *base[done:]], clean)


_Region: TypeAlias = tuple[int, int, tuple[int, int], tuple[int, int]]


def _regions(ours: list[Hunk], theirs: list[Hunk]) -> Iterator[_Region]:
    """Yield the parts of the base that changed, hunks that touch as one, with where each side has them."""
    waiting = sorted(chain(ours, theirs), key=lambda hunk: (hunk.start, hunk.end))
    mine = its = 0
    while waiting:
        start, end = waiting[0].start, waiting[0].end
        while waiting and waiting[0].start <= end:
            end = max(end, waiting.pop(0).end)
        left, right = _growth(ours, start, end), _growth(theirs, start, end)
        yield start, end, (start + mine, end + mine + left), (start + its, end + its + right)
        mine, its = mine + left, its + right


def _growth(side: list[Hunk], start: int, end: int) -> int:
    return sum(hunk.growth for hunk in side if start <= hunk.start and hunk.end <= end)


def hunks(base: Sequence[Hashable], side: Sequence[Hashable]) -> list[Hunk] | None:
    """Return what differs between two sequences by a longest common subsequence, in order; None if that takes long."""
    top = _common(zip(base, side, strict=False))
    rest = min(len(base), len(side)) - top
    tail = min(rest, _common(zip(reversed(base), reversed(side), strict=False)))
    inner = _snakes(base[top : len(base) - tail], side[top : len(side) - tail])
    if inner is None:
        return None
    return list(_between([(0, 0, top), *((x + top, y + top, size) for x, y, size in inner)], base, side, tail))


def _between(
    runs: list[tuple[int, int, int]], base: Sequence[Hashable], side: Sequence[Hashable], tail: int
) -> Iterator[Hunk]:
    x = y = 0
    for start, first, size in [*runs, (len(base) - tail, len(side) - tail, tail)]:
        if (x, y) != (start, first):
            yield Hunk(x, start, y, first)
        x, y = start + size, first + size


def _common(pairs: Iterator[tuple[Hashable, Hashable]]) -> int:
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def _snakes(base: Sequence[Hashable], side: Sequence[Hashable]) -> list[tuple[int, int, int]] | None:
    """Return the runs of equal lines on a shortest way from one text to the other (Myers 1986, section 4)."""
    furthest: dict[int, _Reach] = {1: (0, None)}
    cost = steps = 0
    while True:
        for diagonal in range(-cost, cost + 1, 2):
            x, last = _onwards(furthest, diagonal, cost)
            size = _run(base, side, x, x - diagonal)
            if size:
                last = (x, x - diagonal, size, last)
            furthest[diagonal] = x + size, last
            steps += 1 + size
            if x + size >= len(base) and x + size - diagonal >= len(side):
                return _unrolled(last)
            if steps > _STEPS:
                return None
        cost += 1


def _onwards(furthest: dict[int, _Reach], diagonal: int, cost: int) -> _Reach:
    """Insert a line or delete one, whichever starts further on."""
    if diagonal == -cost:
        return furthest[diagonal + 1]
    x, last = furthest[diagonal - 1]
    inserting = furthest.get(diagonal + 1)
    return inserting if inserting and x < inserting[0] else (x + 1, last)


def _run(base: Sequence[Hashable], side: Sequence[Hashable], x: int, y: int) -> int:
    size = 0
    while x + size < len(base) and y + size < len(side) and base[x + size] == side[y + size]:
        size += 1
    return size


def _unrolled(last: _Snake | None) -> list[tuple[int, int, int]]:
    runs = []
    while last is not None:
        x, y, size, last = last
        runs.append((x, y, size))
    return runs[::-1]
