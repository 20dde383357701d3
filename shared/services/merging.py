"""Merges what git and the portal made of one manifest; what cannot be merged surely is left to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeGuard

import msgspec

from shared.model.experiments import Problem
from shared.model.merging import Path
from shared.rules.merging import Merge, merge_values
from shared.rules.merging_lines import Lines, merge_lines
from shared.wire.documents import where
from shared.wire.spans import Page, read_page
from shared.wire.splicing import Splice, Unfit

_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
"""Lines end at line feeds alone, as in git."""


class Merged(msgspec.Struct, frozen=True):
    """The merged text; or None, a sentence that says why, and the fields that it is about (`spec.templates[0].name`).

    An index counts from 0, in git's side where that has the item.
    """

    text: bytes | None
    conflict: str | None = None
    paths: tuple[str, ...] = ()


class _Pages(msgspec.Struct, frozen=True):
    """The three versions, read."""

    base: Page
    git: Page
    portal: Page


def merge(base: bytes, git: bytes, portal: bytes) -> Merged:
    """Merge two sides of a manifest that come from one base.

    What one side alone changed is byte for byte that side's. Else lines are merged as git does, and the result counts
    only if it holds the merge of the values. Where lines collide but values do not, the portal's fields are put into
    git's text. No comment is lost: one that cannot be placed is a conflict, as is a side that cannot be read.
    """
    if portal in {base, git}:
        return Merged(git)
    if git == base:
        return Merged(portal)
    pages = _read(base, git, portal)
    if isinstance(pages, Merged):
        return pages
    wanted = merge_values(pages.base.values, pages.git.values, pages.portal.values)
    if wanted.conflicts:
        return _conflict("git and the portal changed {} differently: settle by hand", wanted.conflicts)
    return _written(pages, wanted, (base, git, portal))


def _read(base: bytes, git: bytes, portal: bytes) -> _Pages | Merged:
    pages: list[Page] = []
    for name, data in (("the common base", base), ("git's side", git), ("the portal's side", portal)):
        page = read_page(data)
        if isinstance(page, Problem):
            found = f"{name} cannot be read (line {page.line}: {page.message})"
            return Merged(None, f"git and the portal changed the file, but {found}: settle by hand")
        pages.append(page)
    return _Pages(*pages)


def _written(pages: _Pages, wanted: Merge, texts: tuple[bytes, bytes, bytes]) -> Merged:
    """Return the first text that holds the wanted values and every comment."""
    base, git, portal = (_LINE.findall(text) for text in texts)
    merged, other = merge_lines(base, git, portal), merge_lines(base, portal, git)
    if merged and merged.clean and _holds(read_page(_joined(merged, git)), wanted):
        return Merged(_joined(merged, git))
    doubts: list[Path] = []
    starts = ((_joined(merged, git), pages.portal), (texts[1], pages.portal), (_joined(other, portal), pages.git))
    for start, source in starts:
        text = _spliced(start, source, pages.base, doubts)
        page = None if text is None else read_page(text)
        if _holds(page, wanted):
            lost = _lost_comments(page, pages)
            if not lost:
                return Merged(text)
            doubts += lost
    paths = doubts or [change.path for change in wanted.changes]
    return _conflict("git and the portal changed lines that cannot be parted, at {}: settle by hand", paths)


def _joined(merged: Lines | None, side: list[bytes]) -> bytes:
    return b"".join(side if merged is None else merged.lines)


def _spliced(start: bytes, source: Page, base: Page, doubts: list[Path]) -> bytes | None:
    """Bring what is missing in a text from one side into it."""
    page = read_page(start)
    if isinstance(page, Problem):
        return None
    missing = merge_values(base.values, page.values, source.values)
    fresh, gone = source.remarks - base.remarks, base.remarks - source.remarks
    try:
        return None if missing.conflicts else Splice(page, source, fresh, gone).text(missing.changes)
    except Unfit as unfit:
        doubts.append(unfit.path)
        return None


def _holds(page: Page | Problem | None, wanted: Merge) -> TypeGuard[Page]:
    return isinstance(page, Page) and page.values == wanted.value


def _lost_comments(page: Page, pages: _Pages) -> list[Path]:
    """Return where comments stand that are there more or less often than the merge of the sides' counts says."""
    sides = (pages.base, pages.git, pages.portal)
    counts, merged = [side.remarks for side in sides], page.remarks
    texts = {one for side in (*sides, page) for one in side.remarks}
    lost = {one for one in texts if merged[one] != _count(*(count[one] for count in counts))}
    return [side.nearest(at) for side in sides[::-1] for at, one in side.comments.items() if one in lost]


def _count(base: int, git: int, portal: int) -> int:
    if portal in (base, git):
        return git
    return portal if git == base else max(0, git + portal - base)


def _conflict(words: str, paths: Iterable[Path]) -> Merged:
    names = tuple(dict.fromkeys(where(path) for path in paths))
    return Merged(None, words.format(" and ".join(names)), names)
