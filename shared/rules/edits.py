"""What a portal edit becomes in git: its place, its commit's words, and whether it still fits what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Sequence
from itertools import count
from typing import Final

import msgspec

from shared.model.experiments import Draft, Edit, Experiment, Problem

TRAILER: Final = "Litmus-Gitops-Edit"
"""Marks our own commits (git-interpret-trailers)."""

_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63


class Fit(msgspec.Struct, frozen=True):
    """How an edit meets the branch's head: `done` if its text is there already, `conflict` says why it cannot go."""

    done: bool = False
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


def fit(edit: Edit, there: str | None) -> Fit:
    """Judge an edit against the blob at its path (None: no file); only what its author saw may be replaced."""
    wanted = None if edit.text is None else blob_id(edit.text)
    if there == wanted:
        return Fit(done=True)
    if there == edit.base:
        return Fit()
    if there is None:
        return Fit(conflict=f"{edit.path} was removed in git since it was read: save it as a new experiment")
    if edit.base is None:
        return Fit(conflict=f"{edit.path} was added in git meanwhile: read it first")
    return Fit(conflict=f"{edit.path} was changed in git since it was read: read it anew and edit that")


def draft_of(edit: Edit) -> Draft:
    """Return the commit that carries an edit."""
    verb = "Remove" if edit.text is None else "Add" if edit.base is None else "Change"
    message = f"{verb} {edit.path}\n\nSaved in the portal.\n\n{TRAILER}: {edit.id}\n"
    return Draft({edit.path: edit.text}, message, edit.author, edit.at)


def marked(experiment: Experiment | None, edits: Sequence[Edit]) -> Experiment | None:
    """Return an experiment with the standing of its open edits: `pending`, or `conflict` with its reason.

    None if there is nothing to show: git never had it, and no edit will bring it there.
    """
    if experiment is None or not (edits or experiment.commit):
        return None
    if not edits:
        return unmarked(experiment)
    problem = next((edit.problem for edit in edits if edit.problem), None)
    state = "pending" if any(edit.state == "pending" for edit in edits) else "conflict"
    return msgspec.structs.replace(
        experiment,
        state=state,
        problem=experiment.problem if experiment.manifest is None else problem and Problem(problem),
    )


def unmarked(experiment: Experiment) -> Experiment:
    """Return an experiment as it stands without any edit."""
    if experiment.state not in {"pending", "conflict"}:
        return experiment
    if experiment.manifest is None:
        return msgspec.structs.replace(experiment, state="invalid")
    return msgspec.structs.replace(experiment, state="synced", problem=None)
