"""git beneath a bare repository, as a host uses it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.gitserver import ENVIRONMENT, git

_AUTHOR = {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
_NONE = "0" * 40


def commit(folder: Path, name: str) -> str:
    """Return the commit that a branch or an id is, "" for none."""
    return _tried(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") or ""


def merge_base(folder: Path, one: str, other: str) -> str | None:
    """Return where two commits parted, None if they have nothing in common."""
    return _tried(folder, "merge-base", one, other)


def ahead(folder: Path, one: str, other: str) -> tuple[int, int]:
    """Return how many commits `other` is ahead of and behind `one`."""
    behind, ahead = git("rev-list", "--left-right", "--count", f"{one}...{other}", cwd=folder).split()
    return int(ahead), int(behind)


def merge(folder: Path, branch: str, head: str, message: str) -> str:
    """Merge a commit into a branch."""
    was = commit(folder, branch)
    tree = git("merge-tree", "--write-tree", was, head, cwd=folder)
    made = git("commit-tree", tree, "-p", was, "-p", head, "-m", message, cwd=folder)
    git("update-ref", f"refs/heads/{branch}", made, was, cwd=folder)
    return made


def written(folder: Path, expected: str, files: Mapping[str, bytes], gone: Iterable[str], message: str) -> str:
    """Return a commit on top of `expected`, which no ref names yet; the host's name is its committer."""
    index = folder / f"index-{os.urandom(6).hex()}"
    environment = ENVIRONMENT | _AUTHOR | {"GIT_INDEX_FILE": str(index)}

    def run(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, input=given, env=environment, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    try:
        run("read-tree", expected)
        for path in gone:
            run("update-index", "--index-info", given=f"0 {_NONE}\t{path}\n".encode())
        for path, content in files.items():
            blob = run("hash-object", "-w", "--stdin", given=content)
            run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        return run("commit-tree", run("write-tree"), "-p", expected, given=message.encode())
    finally:
        index.unlink(missing_ok=True)


def exists(folder: Path, revision: str, path: str) -> bool:
    """Whether a commit has a file."""
    return _tried(folder, "rev-parse", "--verify", "--quiet", f"{revision}:{path}") is not None


def moved(folder: Path, ref: str, new: str, was: str | None) -> bool:
    """Move a ref if it is where it was (None: there is none yet); return whether it was."""
    return _tried(folder, "update-ref", ref, new, _NONE if was is None else was) is not None


def _tried(folder: Path, *words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None
