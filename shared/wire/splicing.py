"""Edits a manifest's text in place: fields and items of another text are put into it, all other lines stay."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.model.merging import Add, Change, Drop, Path, Step, Take
from shared.wire.documents import where
from shared.wire.spans import Entry, Page, Span

_BREAK: Final = re.compile("\r\n|\n")


class Unfit(Exception):
    """A change cannot be written into the text as it is laid out; says which and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{where(path)} {why}")
        self.path = path


class _Cut(NamedTuple):
    """Characters that are replaced."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Splice:
    """Brings changes from one page to another, with the comments that are `fresh` in the source or `gone` from it."""

    page: Page
    source: Page
    fresh: Container[str]
    gone: Container[str]

    def text(self, changes: Sequence[Change]) -> bytes:
        """Return the page with the changes made; raises `Unfit` for one that does not fit its layout.

        Whether the result means what was wanted is for the caller to judge, since aliases reach further than a line.
        """
        parts, done = [self.page.mark], 0
        for cut in sorted((self._cut(change) for change in changes), key=lambda cut: (cut.start, cut.end)):
            parts += [self.page.text[done : cut.start], cut.text]
            done = max(done, cut.end)
        return "".join([*parts, self.page.text[done:]]).encode()

    def _cut(self, change: Change) -> _Cut:
        if isinstance(change, Add):
            return self._add(change)
        return self._take(change) if isinstance(change, Take) else self._drop(change)

    def _take(self, change: Take) -> _Cut:
        holder, old = _entry(self.page, change.path)
        origin, new = _entry(self.source, change.source)
        text, end = self._copy(change.source, new, origin, holder), old.end
        if not holder.flow and _tail(self.page, old) in self.gone:
            end = self.page.line_end(old.end)
        if not holder.flow and not origin.flow and _tail(self.source, new) in self.fresh:
            text += self.source.text[new.end : self.source.line_end(new.end)]
        return _Cut(old.start, end, text)

    def _add(self, change: Add) -> _Cut:
        holder = self.page.span(change.path)
        origin, new = _entry(self.source, change.source)
        if holder is None or not holder.entries:
            raise Unfit(change.path, "is not written out where it is used")
        text = self._copy(change.source, new, origin, holder)
        before = None if change.after is None else holder.entries[change.after]
        if holder.flow:
            first = next(iter(holder.entries.values())).start
            return _Cut(before.end, before.end, f", {text}") if before else _Cut(first, first, f"{text}, ")
        return self._line(holder, before, self._framed(new, origin, holder, text))

    def _line(self, holder: Span, before: Entry | None, text: str) -> _Cut:
        first = next(iter(holder.entries.values())).start
        indent = " " * self.page.column(first)
        if before:
            at = self.page.line_end(before.end)
            return _Cut(at, at, self._newline + indent + text)
        if not self.page.leads(first):
            return _Cut(first, first, text + self._newline + indent)
        at = self.page.line(first)
        return _Cut(at, at, indent + text + self._newline)

    def _framed(self, new: Entry, origin: Span, holder: Span, text: str) -> str:
        """Add the comments that the source has above an entry and behind it, if they are new."""
        if origin.flow:
            return text
        indent = " " * self.page.column(next(iter(holder.entries.values())).start)
        above = [comment for _, comment in _above(self.source, new.start) if comment in self.fresh]
        tail = self.source.text[new.end : self.source.line_end(new.end)] if _tail(self.source, new) else ""
        return (self._newline + indent).join([*reversed(above), text + tail])

    def _drop(self, change: Drop) -> _Cut:
        holder, old = _entry(self.page, change.path)
        entries = list(holder.entries.values())
        at = entries.index(old)
        behind = entries[at + 1].start if at + 1 < len(entries) else None
        if holder.flow:
            return _Cut(entries[at - 1].end if at and not behind else old.start, behind or old.end, "")
        if self.page.leads(old.start):
            return self._whole_lines(old)
        if behind is None:
            raise Unfit(change.path, "is all that its line holds")
        return _Cut(old.start, behind, "")

    def _whole_lines(self, old: Entry) -> _Cut:
        start, end = self.page.line(old.start), self.page.line_end(old.end)
        for at, comment in _above(self.page, old.start):
            if comment not in self.gone:
                break
            start = at
        found = _BREAK.match(self.page.text, end)
        if found:
            return _Cut(start, found.end(), "")
        return _Cut(len(self.page.text[:start].removesuffix("\n").removesuffix("\r")), end, "")

    def _copy(self, path: Path, new: Entry, origin: Span, holder: Span) -> str:
        """Return an entry of the source as it is to be written among those of a container of the page."""
        if holder.flow or origin.flow:
            return self._inline(path, new, origin, holder)
        lines = _BREAK.split(self.source.text[new.start : new.end])
        first = next(iter(holder.entries.values())).start
        shift = self.page.column(first) - self.source.column(new.start)
        return self._newline.join([lines[0], *(_shifted(path, line, shift) for line in lines[1:])])

    def _inline(self, path: Path, new: Entry, origin: Span, holder: Span) -> str:
        is_item = isinstance(path[-1], int)
        start = new.value.start if is_item else new.start
        text = self.source.text[start : new.end]
        if "\n" in text and not origin.flow:
            raise Unfit(path, "takes several lines and does not fit between brackets")
        text = self._newline.join(_BREAK.split(text))
        return f"- {text}" if is_item and not holder.flow else text

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.page.text else "\n"


def _entry(page: Page, path: Path) -> tuple[Span, Entry]:
    """Return a container and its entry; raises `Unfit` for the whole file and for what is only there by an alias."""
    holder = page.span(path[:-1]) if path else None
    step: Step = path[-1] if path else ""
    if holder is None or step not in holder.entries:
        raise Unfit(path, "is not written out where it is used")
    return holder, holder.entries[step]


def _tail(page: Page, entry: Entry) -> str | None:
    """Return the comment behind an entry, in the line that it ends in."""
    rest = page.text[entry.end : page.line_end(entry.end)]
    return page.comments.get(entry.end + len(rest) - len(rest.lstrip()))


def _above(page: Page, at: int) -> list[tuple[int, str]]:
    """Return the comments in the lines directly above, nearest first, with where their lines begin."""
    found, line = [], page.line(at)
    while line:
        above = page.line(line - 1)
        text = page.text[above : line - 1]
        comment = page.comments.get(above + len(text) - len(text.lstrip()))
        if comment is None:
            break
        found.append((above, comment))
        line = above
    return found


def _shifted(path: Path, line: str, shift: int) -> str:
    if not line.strip(" "):
        return line
    if shift >= 0:
        return " " * shift + line
    if line[:-shift].strip(" "):
        raise Unfit(path, "is indented in a way that does not fit here")
    return line[-shift:]
