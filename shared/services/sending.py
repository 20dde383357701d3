"""Sends edits that are recorded on their way: those of a project in their order, each by commit or pull request."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.errors import Conflict, LitmusGitopsError, Overlap, Protected
from shared.model.experiments import Edit, Experiment
from shared.model.projects import GitOps
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.edit_records import EditRecords
from shared.services.landing import Landed, Landing, Unfit
from shared.services.portal_records import open_edits
from shared.services.proposals import Proposals
from shared.services.repositories import Repositories


class Saved(msgspec.Struct, frozen=True):
    """An edit's outcome: `commit` is None while it is pending, in pull request `pull` where there is one.

    A deleted experiment is shown as it was; `merged` says that git had changed meanwhile.
    """

    experiment: Experiment
    commit: str | None
    merged: bool = False
    pull: int | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """What becomes of a recorded edit: in git, in a pull request, kept as a conflict, or still pending."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def send(self, gitops: GitOps, edit: Edit, was: Experiment | None) -> Saved:
        """Send an edit whose author waits, behind the older ones: `Overlap` names the conflict that it became."""
        try:
            for older in self._pending(edit.project):
                if older.id < edit.id:
                    self._settle(gitops, older)
            met = self._go(gitops, edit)
        except LitmusGitopsError as error:
            if error.retry:
                return _saved(self._records.wait(edit, str(error)) or was, None)
            raise
        if isinstance(met, Unfit):
            kept = self._keep_once(met)
            raise Overlap(f"conflict {kept}: {met.why}", kept)
        return self._record(met, was)

    def work_off(self, gitops: GitOps, project: str, name: str) -> None:
        """Send the pending edits up to the one of this name; raises while git is away."""
        for edit in self._pending(project):
            if edit.id <= name:
                self._settle(gitops, edit)

    def _pending(self, project: str) -> list[Edit]:
        return [edit for edit in open_edits(self.store, project) if edit.state == "pending"]

    def _settle(self, gitops: GitOps, edit: Edit) -> None:
        """Send an edit whose author is gone: what does not fit, or is refused, is kept for a person to settle."""
        try:
            met = self._go(gitops, edit)
        except LitmusGitopsError as error:
            if error.retry:
                raise
            self._records.keep(edit, str(error), edit.base)
            return
        if isinstance(met, Unfit):
            self._records.keep(met.edit, met.why, met.git)
        else:
            self._record(met, None)

    def _go(self, gitops: GitOps, edit: Edit) -> Landed | Unfit:
        remote = self.repositories.of(gitops)
        if gitops.write_back == "pull_request" or self._proposals.wait_for(edit):
            return self._proposals.propose(gitops, remote, edit)
        try:
            return Landing(self.store).commit(remote, gitops, edit)
        except Protected as refusal:
            if self.repositories.host(gitops) is None:
                raise Protected(f"{refusal}: let our login push to {gitops.branch!r}, or edit in git") from refusal
            return self._proposals.propose(gitops, remote, edit)

    def _record(self, landed: Landed, was: Experiment | None) -> Saved:
        edit = landed.edit
        if edit.state == "proposed":
            return _saved(self._records.proposed(edit) or was, None, merged=landed.merged, pull=edit.pull)
        shown = self._records.committed(edit, landed.commit, merged=landed.merged)
        return _saved(shown or was, landed.commit, merged=landed.merged)

    def _keep_once(self, unfit: Unfit) -> str:
        """Keep an edit as a conflict; the same one of the same author is the conflict that is there. Return its id."""
        edit = unfit.edit
        twins = [other for other in open_edits(self.store, edit.project) if _twins(other, edit)]
        if twins:
            self._records.drop(edit, f"{unfit.why}: this is conflict {twins[0].id} again")
            return twins[0].id
        self._records.keep(edit, unfit.why, unfit.git)
        return edit.id

    @property
    def _records(self) -> EditRecords:
        return EditRecords(self.store, self.clock, self.ids)

    @property
    def _proposals(self) -> Proposals:
        return Proposals(self.store, self.repositories, self.clock, self.ids)


def _twins(other: Edit, edit: Edit) -> bool:
    kept = {name: getattr(other, name) for name in ("id", "at", "problem", "git", "traceparent")}
    return other.id != edit.id and other == msgspec.structs.replace(edit, state="conflict", **kept)


def _saved(
    experiment: Experiment | None, commit: str | None, *, merged: bool = False, pull: int | None = None
) -> Saved:
    if experiment is None:
        raise Conflict("another edit has deleted this experiment meanwhile")
    return Saved(experiment, commit, merged, pull)
