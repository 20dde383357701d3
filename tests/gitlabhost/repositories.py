"""What git knows of a bare repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.gitserver import ENVIRONMENT, git

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", re.MULTILINE)


def heads(folder: Path) -> dict[str, str]:
    """Return the branches with their commits."""
    listed = git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", cwd=folder)
    return dict(line.split(" ", 1) for line in listed.splitlines())


def commit(folder: Path, name: str) -> str | None:
    """Return the commit that a name means, None if there is none."""
    arguments = ["git", "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}"]
    done = subprocess.run(arguments, cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None


def branches_with(folder: Path, sha: str) -> list[str]:
    """Return the branches that contain a commit."""
    return git("for-each-ref", "--format=%(refname:short)", "--contains", sha, "refs/heads", cwd=folder).split()


def merge_base(folder: Path, one: str, other: str) -> str:
    """Return where two commits parted."""
    return git("merge-base", one, other, cwd=folder)


def file_diffs(folder: Path, base: str, head: str) -> list[dict[str, Any]]:
    """Return the files of a diff as GitLab lists them, each with its hunks."""
    listed = git("diff", "--name-status", "-M", "-z", base, head, cwd=folder).split("\0")
    found = []
    while listed and listed[0]:
        kind, old = listed.pop(0), listed.pop(0)
        new = listed.pop(0) if kind.startswith("R") else old
        text = git("diff", "-M", base, head, "--", *dict.fromkeys((old, new)), cwd=folder)
        found.append(_file_diff(text, kind[0], old, new))
    return found


def _file_diff(text: str, kind: str, old: str, new: str) -> dict[str, Any]:
    start = _HUNK.search(text)
    return {
        "old_path": old,
        "new_path": new,
        "a_mode": "0" if kind == "A" else "100644",
        "b_mode": "0" if kind == "D" else "100644",
        "new_file": kind == "A",
        "renamed_file": kind == "R",
        "deleted_file": kind == "D",
        "generated_file": False,
        "diff": text[start.start() :] + "\n" if start else "",
    }


def lines(folder: Path, base: str, head: str, old: str, new: str) -> dict[int, int | None]:
    """Return each line of the new side with its number on the old side, None for an added one."""
    text = git("diff", "-M", "-U1000000", base, head, "--", *dict.fromkeys((old, new)), cwd=folder)
    found: dict[int, int | None] = {}
    before = after = 0
    for line in text[text.find("\n@@") + 1 :].split("\n")[1:] if "\n@@" in text else []:
        if line.startswith("-"):
            before += 1
        elif line.startswith(("+", " ")):
            before, after = before + line.startswith(" "), after + 1
            found[after] = before if line.startswith(" ") else None
    return found


def merged(folder: Path, target: str, source: str, message: str) -> str:
    """Merge a commit into a branch for real and return the merge commit."""
    tree = git("merge-tree", "--write-tree", target, source, cwd=folder)
    made = git("commit-tree", tree, "-p", target, "-p", source, "-m", message, cwd=folder)
    git("update-ref", f"refs/heads/{target}", made, cwd=folder)
    return made
