"""Where in a merge request's diff a line of a file stands.

Source of the rules: GitLab's documentation, "Discussions API", "Create a new thread in the merge request diff": an
added line is named by its new number alone, an unchanged one by both numbers, wherever in the file it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from shared.clients.hosts.gitlab.shapes import DiffRefs, FileDiff

Spot = dict[str, str | int | None]
"""A `position` as GitLab takes it."""

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def spots(files: Iterable[FileDiff], refs: DiffRefs, path: str, line: int) -> Iterator[Spot]:
    """Yield the positions to try for a line of the new side, the exact one first; none for an untouched file."""
    found = next((file for file in files if file.new_path == path and not file.deleted_file), None)
    if found is None:
        return
    whole: Spot = {
        "base_sha": refs.base_sha,
        "start_sha": refs.start_sha,
        "head_sha": refs.head_sha,
        "old_path": found.old_path,
        "new_path": found.new_path,
    }
    old = None if found.new_file else old_line(found.diff, line)
    numbers: Spot = {"new_line": line} if old is None else {"new_line": line, "old_line": old}
    yield {**whole, "position_type": "text", **numbers}
    yield {**whole, "position_type": "file"}


def old_line(diff: str, line: int) -> int | None:
    """Return the number that a line of the new side had before, None if it is an added one."""
    shift = old = new = 0
    for text in diff.split("\n"):
        if found := _HUNK.match(text):
            old, new = _start(found[1], found[2]), _start(found[3], found[4])
            if new > line:
                break
        elif text.startswith("-"):
            old += 1
        elif text.startswith(("+", " ")):
            if new == line:
                return None if text.startswith("+") else old
            old, new = old + text.startswith(" "), new + 1
        shift = old - new
    return line + shift


def _start(first: str, count: str | None) -> int:
    """Return the first line of a hunk's side: an empty side is named by the line before it."""
    return int(first) + (count == "0")
