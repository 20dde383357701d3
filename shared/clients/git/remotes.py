"""Remote repositories behind one set of verbs (`ports.GitRemote`), whatever carries them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Protocol

from dulwich.objects import ShaFile
from dulwich.refs import Ref, check_ref_format

from shared.clients.git.commits import committed, note_place
from shared.clients.git.trees import LookUp, folder_of, manifests
from shared.errors import Invalid, Stale
from shared.model.experiments import Draft

NOTES: Final = b"refs/notes/litmus"
LIMIT: Final = 256 << 10
"""Bytes of the largest file that is handed on; of a larger one only its being too large."""

_TOO_LARGE: Final = bytes(LIMIT + 1)
_TRIES: Final = 12
_SHORTEST, _LONGEST = 0.02, 0.5
"""Bounds of the pause before a note is tried again, in seconds: it doubles, and a random part of it is taken."""


class Source(Protocol):
    """What differs between a folder and a server; refs and object ids are as git writes them."""

    def head(self, ref: bytes) -> bytes | None:
        """Return the object that a ref names."""
        ...

    def looking_up(self, commit: bytes | None) -> AbstractContextManager[LookUp]:
        """Return the look-up of the commit and its trees."""
        ...

    def blobs(self, commit: bytes, names: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the contents of these blobs, None for those too large to be kept."""
        ...

    def push(self, ref: bytes, expected: bytes | None, made: Sequence[ShaFile]) -> None:
        """Add objects and move the ref to the last of them: `Stale` if it is not where it is expected."""
        ...

    def moved(self) -> str | None:
        """Return the address that the host last led us to, None where it is the one that was asked for."""
        ...


class Remote:
    """One repository (`ports.GitRemote`)."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def head(self, branch: str) -> str | None:
        """Return the commit at the branch's head, None if there is no such branch."""
        found = self._source.head(_ref(branch))
        return None if found is None else found.decode()

    def moved(self) -> str | None:
        """Return where the host said that the repository is by now, None where that is its address; no request."""
        return self._source.moved()

    def files(self, commit: str, folder: str) -> tuple[str | None, dict[str, str]]:
        """Return the folder's tree and the manifests below it: path → blob."""
        with self._source.looking_up(commit.encode()) as look_up:
            tree = folder_of(look_up, commit.encode(), folder)
            return (None, {}) if tree is None else (tree.decode(), manifests(look_up, tree, folder))

    def blobs(self, commit: str, ids: Iterable[str]) -> dict[str, bytes]:
        """Return contents by blob id; a file over `LIMIT` is `LIMIT + 1` zero bytes, whatever is in it."""
        found = self._source.blobs(commit.encode(), sorted({name.encode() for name in ids}))
        return {name.decode(): _bounded(content) for name, content in found.items()}

    def commit_files(self, branch: str, expected: str | None, draft: Draft, onto: str | None = None) -> str:
        """Commit the draft on top of `expected` and push; where it changes nothing, return `expected`."""
        parent = expected or onto
        with self._source.looking_up(parent.encode() if parent else None) as look_up:
            made = committed(look_up, parent.encode() if parent else None, draft)
        if made:
            self._source.push(_ref(branch), expected.encode() if expected else None, made)
        elif not expected:
            raise Invalid("a branch cannot begin with a commit that changes nothing")
        return made[-1].id.decode() if made else expected or ""

    def note(self, commit: str, compose: Callable[[str], str], at: datetime) -> bool:
        """Replace the note of `commit` by what `compose` makes of it; return whether it changed.

        All notes of a repository share one ref: who finds it moved reads it anew and tries again, after a pause, since
        of many who write at once one wins each time. `Stale` where others were faster every time.
        """
        for number in range(_TRIES - 1):
            try:
                return self._note(commit, compose, at)
            except Stale:
                time.sleep(random.uniform(0, min(_LONGEST, _SHORTEST * 2**number)))  # noqa: S311 - no secret hangs on it
        return self._note(commit, compose, at)

    def _note(self, commit: str, compose: Callable[[str], str], at: datetime) -> bool:
        notes = self._source.head(NOTES)
        with self._source.looking_up(notes) as look_up:
            path, blob = note_place(look_up, notes, commit)
            found = self._source.blobs(notes, [blob])[blob] if notes and blob else b""
            was = (found or b"").decode(errors="replace")
            text = compose(was)
            draft = Draft({path: text.encode()}, "Notes added by litmus-gitops\n", "litmus-gitops", at.isoformat())
            made = committed(look_up, notes, draft) if text != was else []
        if made:
            self._source.push(NOTES, notes, made)
        return bool(made)


def _ref(branch: str) -> bytes:
    ref = f"refs/heads/{branch}".encode()
    if not check_ref_format(Ref(ref)):
        raise Invalid(f"{branch!r} is no name that git allows for a branch")
    return ref


def _bounded(content: bytes | None) -> bytes:
    return _TOO_LARGE if content is None or len(content) > LIMIT else content
