"""Makes commits in memory: of manifests, and of notes as `git notes` reads them."""

from __future__ import annotations

import re
import stat
from datetime import datetime
from typing import Final

from dulwich.objects import Commit, ObjectID, ShaFile, Tree

from shared.clients.git.trees import LookUp, edited, entry, root_of
from shared.model.experiments import Draft

COMMITTER: Final = b"litmus-gitops <litmus-gitops@localhost>"
_NO_NAME = re.compile(rb"[<>\x00-\x1f\x7f]")
_NAMED = re.compile(r"^(?P<name>[^<>]*)<(?P<mail>[^<>]*)>$")
_FLAT = 256
"""Entries of one notes folder beyond which new notes go a level deeper, so that a note stays a small push."""


def committed(look_up: LookUp, parent: bytes | None, draft: Draft) -> list[ShaFile]:
    """Return the objects of the draft's commit on top of `parent`, the commit last; none if nothing changes."""
    root = Tree() if parent is None else root_of(look_up, parent)
    made = edited(look_up, root, draft.changes)
    if not made:
        return []
    commit = Commit()
    commit.tree = made[-1].id
    commit.parents = [ObjectID(parent)] if parent else []
    commit.author, commit.committer = person(draft.author), COMMITTER
    commit.author_time = commit.commit_time = _seconds(draft.at)
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = draft.message.encode()
    return [*made, commit]


def note_place(look_up: LookUp, notes: bytes | None, commit: str) -> tuple[str, bytes | None]:
    """Return where the note of a commit is, or goes to, in the tree of notes, and its blob.

    Notes lie under the commit's id, at any depth of two-digit folders (git-notes, "notes.<name>.mergeStrategy" aside).
    """
    path, rest = "", commit
    tree = Tree() if notes is None else root_of(look_up, notes)
    while (name := rest.encode()) not in tree:
        folder = rest[:2]
        found = entry(tree, folder.encode())
        if found is None or not stat.S_ISDIR(found[0]):
            return (f"{path}{folder}/{rest[2:]}" if len(tree) > _FLAT else path + rest), None
        path, rest = f"{path}{folder}/", rest[2:]
        below = look_up(found[1])
        tree = below if isinstance(below, Tree) else Tree()
    return path + rest, tree[name][1]


def person(author: str) -> bytes:
    """Return `Name <mail>` as a commit holds it; a bare name gets an address that leads nowhere."""
    named = _NAMED.match(author.strip())
    name, mail = (named["name"], named["mail"]) if named else (author, "nobody@localhost")
    clean = [_NO_NAME.sub(b"", part.encode()).strip() for part in (name, mail)]
    return b"%s <%s>" % (clean[0] or b"portal", clean[1])


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())
