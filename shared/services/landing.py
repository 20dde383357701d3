"""Brings one edit onto a branch: as it is where git has what its author saw, else merged with what changed there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict
from shared.model.experiments import Edit, Manifest, Problem, SyncState
from shared.model.projects import GitOps
from shared.ports.git import GitRemote
from shared.ports.state import Store
from shared.rules.edits import astray, blob_id, draft_of, fit, followed, homed, path_for, place_of
from shared.services.attempts import until_fresh
from shared.services.merging import merge
from shared.services.portal_records import listed
from shared.services.tables import BLOBS, EXPERIMENTS, SYNCS
from shared.wire.files import read_file
from shared.wire.yaml import MAX_BYTES

_TRIES: Final = 5


class Landed(msgspec.Struct, frozen=True):
    """An edit as it is in git at `commit`, which made it on top of `onto` (None: it was there already).

    `branch` holds it; None means that the branch it was meant for is yet to begin, since the synced one has it.
    """

    edit: Edit
    commit: str
    merged: bool = False
    onto: str | None = None
    branch: str | None = None


class Unfit(msgspec.Struct, frozen=True):
    """An edit that does not fit: why, and the blob that git holds in its place (None: nothing)."""

    edit: Edit
    why: str
    git: str | None


class Aim(msgspec.Struct, frozen=True):
    """Where an edit goes: `branch`, which is at `expected` (None: it is yet to begin), read as of commit `head`."""

    branch: str
    expected: str | None
    head: str | None


@dataclass(frozen=True, slots=True)
class Landing:
    """Each try reads the branch anew, so that an edit is merged with what it really goes on top of."""

    store: Store

    def commit(self, remote: GitRemote, gitops: GitOps, edit: Edit) -> Landed | Unfit:
        """Commit an edit onto the synced branch; raises what the git host refuses it with."""

        def once() -> Landed | Unfit:
            head = self.head(remote, gitops, edit.project)
            return self.land(remote, gitops, Aim(gitops.branch, head, head), edit)

        return until_fresh(once, _TRIES)

    def propose(self, remote: GitRemote, gitops: GitOps, branch: str, edit: Edit) -> Landed | Unfit:
        """Commit an edit onto a branch beside the synced one, which begins at that one's head."""

        def once() -> Landed | Unfit:
            there = remote.head(branch)
            head = there or self.head(remote, gitops, edit.project)
            return self.land(remote, gitops, Aim(branch, there, head), edit)

        return until_fresh(once, _TRIES)

    def head(self, remote: GitRemote, gitops: GitOps, project: str) -> str | None:
        """Return the synced branch's head, None if it is yet to begin."""
        head = remote.head(gitops.branch)
        if head is None and SYNCS.load_or(self.store, SyncState(), project).value.commit is not None:
            raise Conflict(f"branch {gitops.branch!r} is gone from git: put it back first")
        return head

    def land(self, remote: GitRemote, gitops: GitOps, aim: Aim, edit: Edit) -> Landed | Unfit:
        """Bring an edit onto a branch once: `Stale` if the branch moved meanwhile."""
        files = {} if aim.head is None else remote.files(aim.head, gitops.path)[1]
        texts = _Texts(self.store, remote, edit.project, aim.head)
        edit = _placed(self._followed(edit, files, texts), gitops.path, files, texts)
        met = fit(edit, files)
        there = files.get(place_of(edit))
        if met.conflict:
            texts.keep(there)
            return Unfit(edit, met.conflict, there)
        fitting = _merged(edit, there, texts) if met.merge and there else edit
        if isinstance(fitting, Unfit):
            return fitting
        if met.done or (fitting.moves is None and fitting.text is not None and blob_id(fitting.text) == there):
            return Landed(fitting, aim.head or "", met.merge, branch=aim.expected and aim.branch)
        draft = draft_of(fitting, merged=met.merge)
        commit = remote.commit_files(aim.branch, aim.expected, draft, aim.head)
        return Landed(fitting, commit, met.merge, aim.head, aim.branch)

    def _followed(self, edit: Edit, files: dict[str, str], texts: _Texts) -> Edit:
        """Aim an edit at where its experiment's file is by now, wherever git has moved it."""
        shown = EXPERIMENTS.load(self.store, edit.project, edit.experiment)
        if shown is None:
            return edit
        if shown.value.path in files:
            return homed(edit, shown.value.path)
        if not astray(edit, files):
            return edit
        homes = {row.value.path for row in listed(self.store, EXPERIMENTS, edit.project)}
        found = followed(edit, files, homes)
        return found if not astray(found, files) else _labelled(found, files, homes, texts)


@dataclass(frozen=True, slots=True)
class _Texts:
    """Texts by blob: as they were kept here, else as git holds them."""

    store: Store
    remote: GitRemote
    project: str
    head: str | None

    def kept(self, blob: str | None) -> bytes | None:
        found = BLOBS.load(self.store, self.project, blob) if blob else None
        return None if found is None else found.value

    def keep(self, blob: str | None) -> None:
        """Keep a text of the branch, so that a conflict can show it."""
        if blob is not None:
            self.in_git(blob)

    def all_in_git(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """Return path → text of files (path → blob) of the branch, with one request."""
        found = self.remote.blobs(self.head, files.values()) if self.head is not None and files else {}
        return {path: found[blob] for path, blob in files.items() if blob in found}

    def in_git(self, blob: str) -> bytes:
        """Return a text of the branch, and keep it (anew), since a conflict would have to show it."""
        found = self.kept(blob)
        if found is None and self.head is not None:
            found = self.remote.blobs(self.head, [blob])[blob]
        if found is not None and len(found) <= MAX_BYTES:
            self.store.commit([BLOBS.put(found, self.project, blob)])
        return found or b""


def _labelled(edit: Edit, files: dict[str, str], homes: Collection[str], texts: _Texts) -> Edit:
    """Return an edit that is astray aimed at the unknown file which carries its experiment's label.

    Git has renamed and changed that one at once, so that only its text tells what it is.
    """
    unknown = {path: blob for path, blob in sorted(files.items()) if path not in homes}
    for path, text in texts.all_in_git(unknown).items():
        read = read_file(path, text)
        if isinstance(read, Manifest) and read.workflow_id == edit.experiment:
            return homed(edit, path)
    return edit


def _placed(edit: Edit, folder: str, files: dict[str, str], texts: _Texts) -> Edit:
    """Return a new experiment's edit at another path where git has another experiment at its own."""
    there = files.get(edit.path)
    if edit.base is not None or edit.text is None or there is None or there == blob_id(edit.text):
        return edit
    theirs = read_file(edit.path, texts.in_git(there))
    if not isinstance(theirs, Manifest) or theirs.workflow_id in {None, "", edit.experiment}:
        return edit
    mine = read_file(edit.path, edit.text)
    written = next((path for path, blob in files.items() if blob == blob_id(edit.text or b"")), None)
    name = mine.name if isinstance(mine, Manifest) else "experiment"
    return msgspec.structs.replace(edit, path=written or path_for(folder, name, files))


def _merged(edit: Edit, there: str, texts: _Texts) -> Edit | Unfit:
    base, git = texts.kept(edit.base), texts.in_git(there)
    if base is None or edit.text is None:
        return Unfit(
            edit,
            f"{edit.path} was changed in git since it was read, and that older text is not kept: settle by hand",
            there,
        )
    if _label(base) == edit.experiment and _label(git) not in {None, edit.experiment}:
        return Unfit(edit, f"{edit.path} is another experiment's file in git by now", there)
    found = merge(base, git, edit.text)
    if found.text is None:
        return Unfit(edit, f"{edit.path} was changed in git since it was read: {found.conflict}", there)
    if not _sound(edit, found.text):
        why = f"{edit.path} merged with what changed in git is no sound manifest of this experiment: settle by hand"
        return Unfit(edit, why, there)
    return msgspec.structs.replace(edit, text=found.text)


def _label(text: bytes) -> str | None:
    """Return the id that a text asks for ("": none), None where it cannot be read."""
    read = read_file("experiment.yaml", text)
    return read.workflow_id or "" if isinstance(read, Manifest) else None


def _sound(edit: Edit, merged: bytes) -> bool:
    """Whether a merge is this experiment's manifest; a file that is only renamed may be as broken as it is."""
    read = read_file(edit.path, merged)
    if isinstance(read, Manifest):
        return read.workflow_id in {None, "", edit.experiment}
    return isinstance(read, Problem) and edit.text is not None and blob_id(edit.text) == edit.base
