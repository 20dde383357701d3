"""portal → git: an edit is recorded, then committed on top of the branch's head; while git is away it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict, Invalid, LitmusGitopsError, NotFound
from shared.model.experiments import Edit, Experiment, Manifest, Problem, SyncState
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.ports import Clock, GitRemote, Ids, Store
from shared.rules.edits import blob_id, draft_of, fit, path_for
from shared.rules.identity import mint
from shared.services.attempts import until_fresh
from shared.services.edit_records import EditRecords
from shared.services.ledger import stamp
from shared.services.portal_records import listed, open_edits
from shared.services.repositories import Repositories
from shared.services.tables import EDITS, EXPERIMENTS, PROJECTS, SYNCS
from shared.wire.files import read_file

_TRIES: Final = 5


class Saved(msgspec.Struct, frozen=True):
    """An edit's outcome: `commit` is None while it is pending; a deleted experiment is shown as it was."""

    experiment: Experiment
    commit: str | None


@dataclass(frozen=True, slots=True)
class Edits:
    """Saves and removals of experiments in the portal."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def save(self, project: str, experiment: str | None, text: bytes, base: str | None, author: str) -> Saved:
        """Write the whole file of `experiment`, or of a new one.

        `base` is the blob that the author saw (None: what the portal shows). Raises `Invalid` with line and column,
        `Conflict` if git holds something else than the author saw, or what the git host refuses it with.
        """
        gitops, manifest = self._gitops(project), _manifest(text)
        was = None if experiment is None else EXPERIMENTS.load(self.store, project, experiment)
        if was is None:
            edit = self._new(project, gitops, experiment, manifest, text)
        else:
            _check_label(manifest, was.value.id)
            edit = self._of(project, was.value, text, base)
        return self._send(gitops, msgspec.structs.replace(edit, author=author), None if was is None else was.value)

    def delete(self, project: str, experiment: str, base: str | None, author: str) -> Saved:
        """Delete an experiment's file."""
        gitops = self._gitops(project)
        was = EXPERIMENTS.load(self.store, project, experiment)
        if was is None:
            raise NotFound(f"no experiment {experiment!r} in project {project!r}")
        edit = self._of(project, was.value, None, base)
        return self._send(gitops, msgspec.structs.replace(edit, author=author), was.value)

    def send_edit(self, message: Message) -> None:
        """Commit a pending edit, after those of its project that are older (message `sync/edit`)."""
        project, name = message.ids["project"], message.ids["edit"]
        found = EDITS.load(self.store, project, name)
        settings = PROJECTS.load(self.store, project)
        if found is None or settings is None or not (gitops := settings.value.gitops) or not gitops.enabled:
            return
        for edit in self._pending(project):
            if edit.id <= name:
                self._settle(gitops, edit)

    def _gitops(self, project: str) -> GitOps:
        found = PROJECTS.load(self.store, project)
        gitops = found and found.value.gitops
        if not gitops or not gitops.enabled:
            raise Conflict(f"GitOps is off for project {project!r}: there is no git to save to")
        if gitops.write_back != "commit":
            raise Conflict(
                "write_back is pull_request, which needs the API of GitHub or GitLab and is not supported yet: "
                "set write_back to commit"
            )
        return gitops

    def _new(self, project: str, gitops: GitOps, wanted: str | None, manifest: Manifest, text: bytes) -> Edit:
        if wanted is not None and manifest.workflow_id != wanted:
            raise NotFound(f"no experiment {wanted!r}: to make it, give the manifest the label workflow_id: {wanted}")
        paths = {row.value.id: row.value.path for row in listed(self.store, EXPERIMENTS, project)}
        paths |= {edit.experiment: edit.path for edit in open_edits(self.store, project)}
        if manifest.workflow_id in paths:
            raise Conflict(f"workflow_id {manifest.workflow_id!r} belongs to {paths[manifest.workflow_id]}")
        path = path_for(gitops.path, manifest.name, paths.values())
        experiment = manifest.workflow_id or mint(project, path, blob_id(text), paths)
        return self._edit(project, experiment, path, text, None)

    def _of(self, project: str, was: Experiment, text: bytes | None, base: str | None) -> Edit:
        waiting = [edit for edit in self._pending(project) if edit.experiment == was.id]
        seen = _blob(waiting[-1].text) if waiting else was.blob
        if base is not None and base != seen:
            raise Conflict(f"{was.path} is no longer what you read: read it anew and edit that")
        return self._edit(project, was.id, was.path, text, seen)

    def _edit(self, project: str, experiment: str, path: str, text: bytes | None, base: str | None) -> Edit:
        return Edit(self.ids(), project, experiment, path, text, base, "", stamp(self.clock))

    def _pending(self, project: str) -> list[Edit]:
        return [edit for edit in open_edits(self.store, project) if edit.state == "pending"]

    def _send(self, gitops: GitOps, edit: Edit, was: Experiment | None) -> Saved:
        self._records.begin(edit)
        try:
            for older in self._pending(edit.project):
                if older.id < edit.id:
                    self._settle(gitops, older)
            commit = self._push(gitops, edit)
        except LitmusGitopsError as error:
            if error.retry:
                return _saved(self._records.wait(edit, str(error)) or was, None)
            self._records.drop(edit, str(error))
            raise
        return _saved(self._records.committed(edit, commit) or was, commit)

    def _settle(self, gitops: GitOps, edit: Edit) -> None:
        """Commit an edit whose author is gone: what does not fit is kept as a conflict for a person."""
        try:
            commit = self._push(gitops, edit)
        except LitmusGitopsError as error:
            if error.retry:
                raise
            self._records.refuse(edit, str(error))
        else:
            self._records.committed(edit, commit)

    def _push(self, gitops: GitOps, edit: Edit) -> str:
        remote = self.repositories.of(gitops)
        return until_fresh(lambda: self._commit(remote, gitops, edit), _TRIES)

    def _commit(self, remote: GitRemote, gitops: GitOps, edit: Edit) -> str:
        head = remote.head(gitops.branch)
        if head is None and SYNCS.load_or(self.store, SyncState(), edit.project).value.commit is not None:
            raise Conflict(f"branch {gitops.branch!r} is gone from git: put it back first")
        files = {} if head is None else remote.files(head, gitops.path)[1]
        met = fit(edit, files.get(edit.path))
        if met.conflict:
            raise Conflict(met.conflict)
        return head or "" if met.done else remote.commit_files(gitops.branch, head, draft_of(edit))

    @property
    def _records(self) -> EditRecords:
        return EditRecords(self.store, self.clock, self.ids)


def _saved(experiment: Experiment | None, commit: str | None) -> Saved:
    if experiment is None:
        raise Conflict("another edit has deleted this experiment meanwhile")
    return Saved(experiment, commit)


def _manifest(text: bytes) -> Manifest:
    read = read_file("experiment.yaml", text)
    if isinstance(read, Manifest):
        return read
    problem = read if isinstance(read, Problem) else Problem("this is a policy: push it to git, beside the experiments")
    raise Invalid(problem.message, (msgspec.to_builtins(problem),))


def _check_label(manifest: Manifest, experiment: str) -> None:
    if manifest.workflow_id not in {None, "", experiment}:
        message = f"workflow_id {manifest.workflow_id!r} is another experiment's id: this one is {experiment!r}"
        raise Invalid(message, ({"message": message, "line": None, "column": None},))


def _blob(text: bytes | None) -> str | None:
    return None if text is None else blob_id(text)
