"""What a portal edit becomes in git: its place, its commit's words, and whether it still fits what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Container, Mapping, Sequence
from itertools import count
from typing import Final

import msgspec

from shared.model.experiments import Draft, Edit, Experiment, Problem

TRAILER: Final = "Litmus-Gitops-Edit"
"""Marks our own commits (git-interpret-trailers)."""

_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63


class Fit(msgspec.Struct, frozen=True):
    """How an edit meets a tree: its text is there (`done`), or has to be merged; `conflict` says why it cannot go."""

    done: bool = False
    merge: bool = False
    conflict: str | None = None


def blob_id(text: bytes) -> str:
    """Return the id that git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


def path_for(folder: str, name: str, taken: Container[str]) -> str:
    """Return the path of a new experiment's file: the name as a slug, numbered if it is taken."""
    slug = _NO_SLUG.sub("-", name.lower()).strip("-")[:_LONGEST].rstrip("-") or "experiment"
    names = (f"{slug}-{number}" if number > 1 else slug for number in count(1))
    paths = ("/".join(part for part in (folder.strip("/"), f"{name}.yaml") if part) for name in names)
    return next(path for path in paths if path not in taken)


def homed(edit: Edit, home: str) -> Edit:
    """Return the edit aimed at `home`, the path at which git has its experiment's file."""
    if place_of(edit) == home:
        return edit
    if edit.path == home:
        return msgspec.structs.replace(edit, moves=None)
    return msgspec.structs.replace(edit, **{"moves" if edit.moves else "path": home})


def astray(edit: Edit, files: Mapping[str, str]) -> bool:
    """Whether a tree (path → blob) no longer has the file that the edit was made of, at its place."""
    return place_of(edit) not in files and (edit.base is not None or edit.moves is not None)


def followed(edit: Edit, files: Mapping[str, str], homes: Collection[str]) -> Edit:
    """Return an edit that is astray aimed at where git has renamed its file, unseen by the portal as yet.

    `homes` are the paths that the portal shows: what is there is no renamed file.
    """
    if edit.moves is not None and edit.path in files:
        return msgspec.structs.replace(edit, moves=None)
    renamed = [path for path, blob in files.items() if blob == edit.base and path not in homes]
    return homed(edit, renamed[0]) if len(renamed) == 1 else edit


def place_of(edit: Edit) -> str:
    """Return the path at which the edit's file was read."""
    return edit.moves or edit.path


def fit(edit: Edit, files: Mapping[str, str]) -> Fit:
    """Judge an edit against a tree (path → blob); only what its author saw may be replaced unmerged."""
    there = files.get(place_of(edit))
    if edit.moves is not None and edit.path in files:
        return Fit(conflict=f"{edit.path} is taken in git: choose another path")
    if edit.moves is None and arrived(edit, files):
        return Fit(done=True)
    if there == edit.base:
        return Fit()
    conflict = _clash(edit, there)
    return Fit(merge=conflict is None, conflict=conflict)


def _clash(edit: Edit, there: str | None) -> str | None:
    """Return why an edit cannot be merged with the blob in its file's place, None if it can be tried."""
    if there is None:
        return f"{place_of(edit)} was removed in git since it was read: settle by hand"
    if edit.base is None:
        return f"{edit.path} was added in git meanwhile: settle by hand"
    if edit.text is None:
        return f"{edit.path} was changed in git since it was read, and this removes it: settle by hand"
    return None


def arrived(edit: Edit, files: Mapping[str, str]) -> bool:
    """Whether a tree (path → blob) holds just what an edit wanted."""
    return files.get(edit.path) == (None if edit.text is None else blob_id(edit.text))


def late(edits: Sequence[Edit], merged: str) -> list[Edit]:
    """Return those of a branch's edits, oldest first, that were pushed when its commit `merged` had been merged."""
    first = next((number for number, edit in enumerate(edits) if edit.onto == merged), len(edits))
    return list(edits[first:])


def draft_of(edit: Edit, *, merged: bool = False) -> Draft:
    """Return the commit that carries an edit."""
    changes = {edit.path: edit.text} if edit.moves is None else {edit.moves: None, edit.path: edit.text}
    saved = "Saved in the portal, and merged with what git held by then." if merged else "Saved in the portal."
    return Draft(changes, f"{title_of(edit)}\n\n{saved}\n\n{TRAILER}: {edit.id}\n", edit.author, edit.at)


def title_of(edit: Edit) -> str:
    """Return what an edit does, as the first line of its commit."""
    if edit.moves is not None:
        return f"Rename {edit.moves} to {edit.path}"
    verb = "Remove" if edit.text is None else "Add" if edit.base is None else "Change"
    return f"{verb} {edit.path}"


def marked(experiment: Experiment | None, edits: Sequence[Edit]) -> Experiment | None:
    """Return an experiment with the standing of its open edits: `pending`, or `conflict` with its reason.

    None if there is nothing to show: git never had it, and no edit will bring it there.
    """
    if experiment is None or not (edits or experiment.commit):
        return None
    if not edits:
        return unmarked(experiment)
    problem = next((edit.problem for edit in edits if edit.problem), None)
    return msgspec.structs.replace(
        experiment,
        state="pending" if any(edit.state != "conflict" for edit in edits) else "conflict",
        pull=next((edit.pull for edit in edits if edit.pull), None),
        problem=experiment.problem if experiment.manifest is None else problem and Problem(problem),
    )


def unmarked(experiment: Experiment) -> Experiment:
    """Return an experiment as it stands without any edit."""
    if experiment.state not in {"pending", "conflict"}:
        return experiment
    if experiment.manifest is None:
        return msgspec.structs.replace(experiment, state="invalid", pull=None)
    return msgspec.structs.replace(experiment, state="synced", problem=None, pull=None)
