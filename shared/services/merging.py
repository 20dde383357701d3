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
    if portal in (base, git):
        return Merged(git)
    if git == base:
        return Merged(portal)
    pages = _read(base, git, portal)
    if isinstance(pages, Merged):
        return pages
    wanted = merge_values(pages.base.values, pages.git.values, pages.portal.values)
    if wanted.conflicts:
        return _conflict("git and the portal changed {} differently: settle by hand", wanted.conflicts)
    lines = merge_lines(_lines(base), _lines(git), _lines(portal))
    return _written(pages, wanted, git, lines)


def _read(base: bytes, git: bytes, portal: bytes) -> _Pages | Merged:
    pages: list[Page] = []
    for name, data in (("the common base", base), ("git's side", git), ("the portal's side", portal)):
        page = read_page(data)
        if isinstance(page, Problem):
            found = f"{name} cannot be read at line {page.line}: {page.message}"
            return Merged(None, f"both sides changed the file and {found}: settle by hand")
        pages.append(page)
    return _Pages(*pages)


def _written(pages: _Pages, wanted: Merge, git: bytes, lines: Lines | None) -> Merged:
    """Return the first text that holds the wanted values and every comment."""
    merged = git if lines is None else b"".join(lines.lines)
    if lines and lines.clean and _holds(read_page(merged), wanted):
        return Merged(merged)
    misfits: list[Path] = []
    for start in dict.fromkeys((merged, git)):
        text = _spliced(start, pages, misfits)
        page = None if text is None else read_page(text)
        if _holds(page, wanted) and _comments_kept(page, pages):
            return Merged(text)
    paths = misfits or [change.path for change in wanted.changes]
    return _conflict("git and the portal changed lines that cannot be parted, at {}: settle by hand", paths)


def _spliced(start: bytes, pages: _Pages, misfits: list[Path]) -> bytes | None:
    """Bring what is missing in a text from the portal's side into it."""
    page = read_page(start)
    if isinstance(page, Problem):
        return None
    missing = merge_values(pages.base.values, page.values, pages.portal.values)
    old, new = pages.base.remarks, pages.portal.remarks
    try:
        return None if missing.conflicts else Splice(page, pages.portal, new - old, old - new).text(missing.changes)
    except Unfit as unfit:
        misfits.append(unfit.path)
        return None


def _holds(page: Page | Problem | None, wanted: Merge) -> TypeGuard[Page]:
    return isinstance(page, Page) and page.values == wanted.value


def _comments_kept(page: Page, pages: _Pages) -> bool:
    """Whether each comment stands as often as the merge of the three sides' counts says."""
    base, git, portal, merged = pages.base.remarks, pages.git.remarks, pages.portal.remarks, page.remarks
    return all(merged[one] == _count(base[one], git[one], portal[one]) for one in base + git + portal + merged)


def _count(base: int, git: int, portal: int) -> int:
    if portal in (base, git):
        return git
    return portal if git == base else max(0, git + portal - base)


def _conflict(words: str, paths: Iterable[Path]) -> Merged:
    names = tuple(dict.fromkeys(where(path) for path in paths))
    return Merged(None, words.format(" and ".join(names) or "a comment"), names)


def _lines(text: bytes) -> list[bytes]:
    """Split at line feeds alone, as git does."""
    return _LINE.findall(text)
