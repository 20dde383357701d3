"""Three-way merge of JSON-like values: what only one side changed is taken, what both changed differently conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec

from shared.model.merging import Add, Change, Drop, Path, Step, Take

KEYS: Final = ("name", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey", "key", "type", "uid")
"""What Kubernetes tells the items of a list by (its patch merge keys), and `key` of policies' conditions."""


class Merge(msgspec.Struct, frozen=True):
    """The merged value, what makes it out of git's, and where both sides disagree (there the value is git's)."""

    value: Any
    changes: tuple[Change, ...]
    conflicts: tuple[Path, ...]


def merge_values(base: Any, git: Any, portal: Any) -> Merge:
    """Merge mappings by key and lists of named things by name; all else is taken or kept as a whole.

    Leaves are compared by `==`, so a caller to whom `1`, `1.0` and `True` are different must give them as such.
    """
    merger = _Merger()
    value = merger.merge(_Three(base, git, portal), (), ())
    return Merge(value, tuple(merger.changes), tuple(merger.conflicts))


class _Nothing(msgspec.Struct, frozen=True):
    """Stands where a side has no such field or item."""


_NOTHING: Final = _Nothing()


class _Three(msgspec.Struct, frozen=True):
    """The three versions of one value."""

    base: Any
    git: Any
    portal: Any

    def of(self, kind: type[Any]) -> bool:
        """Whether the sides have this type, and so had the base, if there was one."""
        fits = isinstance(self.git, kind) and isinstance(self.portal, kind)
        return fits and (isinstance(self.base, kind) or self.base is _NOTHING)

    @property
    def fills(self) -> bool:
        """Whether the portal fills what is empty, or empties what git left alone: that is one change."""
        return self.git == self.base and not (self.git and self.portal)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.base, self.git, self.portal))


class _Member(msgspec.Struct, frozen=True):
    """A field or item: where its container has it."""

    step: Step
    value: Any


_Members: TypeAlias = Mapping[Hashable, _Member]
_ABSENT: Final = _Member("", _NOTHING)


@dataclass(slots=True)
class _Merger:
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Path] = field(default_factory=list)

    def merge(self, three: _Three, path: Path, source: Path) -> Any:
        """Return the merge of what both sides have, at `path` in git's value and at `source` in the portal's."""
        if three.portal in (three.base, three.git):
            return three.git
        if three.of(dict) and not three.fills:
            return self._members([_fields(value) for value in three], path, source)[0]
        if three.of(list) and not three.fills and (lists := _named(three)):
            return self._list(lists, path, source)
        if three.git == three.base:
            self.changes.append(Take(path, source))
            return three.portal
        self.conflicts.append(path)
        return three.git

    def _list(self, lists: list[_Members], path: Path, source: Path) -> list[Any]:
        merged, order = self._members(lists, path, source)
        if order is None:
            self.conflicts.append(path)
            return list(merged.values())
        return [merged[label] for label in order]

    def _members(
        self, sides: list[_Members], path: Path, source: Path
    ) -> tuple[dict[Hashable, Any], list[Hashable] | None]:
        """Merge the members of a mapping or list one by one; return them with their order, None if both changed it."""
        base, git, portal = sides
        order = _order(list(base), list(git), list(portal))
        merged: dict[Hashable, Any] = {}
        after: Step | None = None
        for label in order or {**git, **portal}:
            was, ours, theirs = (side.get(label, _ABSENT) for side in sides)
            if was is ours:
                self.changes.append(Add(path, after, (*source, theirs.step)))
                merged[label] = theirs.value
                continue
            three = _Three(was.value, ours.value, theirs.value)
            value = self._member(three, (*path, ours.step), (*source, theirs.step))
            if value is not _NOTHING:
                merged[label], after = value, ours.step
        return merged, order and [label for label in order if label in merged]

    def _member(self, three: _Three, path: Path, source: Path) -> Any:
        """Return the merge of a member that git or the base has, `_NOTHING` if it goes."""
        if three.git is _NOTHING:
            if three.portal not in (three.base, _NOTHING):
                self.conflicts.append(source)
        elif three.portal is not _NOTHING:
            return self.merge(three, path, source)
        elif three.git == three.base:
            self.changes.append(Drop(path))
            return _NOTHING
        elif three.base is not _NOTHING:
            self.conflicts.append(path)
        return three.git


def _fields(value: Any) -> _Members:
    return {} if value is _NOTHING else {key: _Member(key, child) for key, child in value.items()}


def _named(three: _Three) -> list[_Members] | None:
    """Return the lists by their items' names: by the first key that names each item of each list uniquely."""
    lists = [[] if value is _NOTHING else value for value in three]
    for key in KEYS:
        labels = [[_label(item, key) for item in items] for items in lists]
        if all(None not in names and len({*names}) == len(names) for names in labels):
            return [
                {name: _Member(index, items[index]) for index, name in enumerate(names)}
                for names, items in zip(labels, lists, strict=True)
            ]
    return None


def _label(item: Any, key: str) -> Hashable | None:
    """Return an item's name; a group of items, as Argo's steps are, is named by all of theirs."""
    if isinstance(item, list):
        labels = tuple(_label(one, key) for one in item)
        return None if not labels or None in labels else labels
    label = item.get(key) if isinstance(item, dict) else None
    return None if isinstance(label, dict | list) else label


def _order(base: list[Hashable], git: list[Hashable], portal: list[Hashable]) -> list[Hashable] | None:
    """Return all members in one order: that of the side which changed it, with the other's own ones put in between.

    None if both changed it differently. What both add at one place stands there git's first.
    """
    common = {*base} & {*git} & {*portal}
    was, ours, theirs = (_only(side, common) for side in (base, git, portal))
    if theirs in (was, ours):
        return _woven(git, portal, skipped={*git} - {*base})
    return _woven(portal, git, skipped=set()) if ours == was else None


def _woven(main: list[Hashable], other: list[Hashable], skipped: set[Hashable]) -> list[Hashable]:
    """Put what only `other` has behind what stands before it there, and behind those of `main` to be skipped."""
    known, behind = {*main}, defaultdict[Hashable, list[Hashable]](list)
    last: Hashable = _NOTHING
    for label in other:
        if label in known:
            last = label
        else:
            behind[last].append(label)
    woven: list[Hashable] = []
    waiting = behind[_NOTHING]
    for label in main:
        if label not in skipped:
            woven += waiting
            waiting = []
        woven.append(label)
        waiting = waiting + behind[label]
    return woven + waiting


def _only(labels: Iterable[Hashable], wanted: set[Hashable]) -> list[Hashable]:
    return [label for label in labels if label in wanted]
