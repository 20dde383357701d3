"""portal → git by pull request: an edit is a commit on a branch of its own, until people merge or close that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.experiments import Edit
from shared.model.hosting import PullRequest
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.ports.ambient import Clock, Ids
from shared.ports.git import GitHost, GitRemote
from shared.ports.state import Store
from shared.rules.edits import arrived, late, title_of
from shared.services.edit_records import EditRecords
from shared.services.landing import Landed, Landing, Unfit
from shared.services.portal_records import open_edits
from shared.services.repositories import Repositories
from shared.services.tables import PROJECTS

BRANCHES: Final = "litmus-gitops/"
"""What the names of our branches begin with; the id of the first edit follows."""

_NONE: Final = "write_back is pull_request, which needs provider github or gitlab: plain git has no pull requests"


@dataclass(frozen=True, slots=True)
class Proposals:
    """Edits in pull requests: one request an experiment, whatever number of edits goes into it."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def wait_for(self, edit: Edit) -> bool:
        """Whether an older edit of the same experiment is in a pull request, which this one has to join."""
        return bool(self._proposed(edit))

    def propose(self, gitops: GitOps, remote: GitRemote, edit: Edit) -> Landed | Unfit:
        """Bring an edit onto its branch and into the pull request from there, which is opened if need be."""
        host = self._host(gitops)
        branch = self._branch(gitops, host, edit)
        landed = Landing(self.store).propose(remote, gitops, branch, edit)
        if isinstance(landed, Unfit) or landed.branch is None:
            return landed
        pull = host.propose(branch, gitops.branch, title_of(edit), _body(edit))
        proposed = msgspec.structs.replace(
            landed.edit,
            state="proposed",
            commit=landed.commit,
            branch=branch,
            pull=pull.number,
            onto=landed.onto,
            problem=None,
        )
        return msgspec.structs.replace(landed, edit=proposed)

    def follow(self, message: Message) -> None:
        """End the edits of a pull request that was merged or closed (message `sync/proposal {project, number}`)."""
        project, number = message.ids["project"], int(message.ids["number"])
        found = PROJECTS.load(self.store, project)
        gitops = found and found.value.gitops
        edits = [edit for edit in open_edits(self.store, project) if edit.pull == number]
        if gitops and gitops.enabled and edits and (host := self.repositories.host(gitops)):
            self._follow(gitops, host, edits)

    def _follow(self, gitops: GitOps, host: GitHost, edits: Sequence[Edit]) -> None:
        number = edits[0].pull
        assert number is not None, "only proposed edits are followed"
        pull = _found(host, number)
        for edit in edits:
            if pull is None or pull.source != edit.branch:
                self._records.resume(edit, f"pull request #{number} is not there any more")
            elif pull.state == "closed":
                why = f"pull request #{number} was closed without being merged: the edit is dropped"
                self._records.drop(edit, why, "closed")
        if pull is not None and pull.state == "merged":
            self._merged(gitops, pull, [edit for edit in edits if edit.branch == pull.source])

    def _merged(self, gitops: GitOps, pull: PullRequest, edits: Sequence[Edit]) -> None:
        """Show what has arrived; an edit that came too late for the merge sets out again."""
        behind = late(edits, pull.head)
        remote = self.repositories.of(gitops)
        head = remote.head(gitops.branch)
        files = {} if head is None else remote.files(head, gitops.path)[1]
        for edit in edits:
            if edit in behind:
                self._records.resume(edit, f"{edit.path} came too late for pull request #{pull.number}")
            elif head is not None and arrived(edit, files):
                self._records.committed(edit, head)
            else:
                self._records.drop(edit, f"pull request #{pull.number} with {edit.path} is merged", "committed")

    def _branch(self, gitops: GitOps, host: GitHost, edit: Edit) -> str:
        """Return the branch of the experiment's open pull request, else a new one's name."""
        mine = self._proposed(edit)
        number = mine[-1].pull if mine else None
        if number is not None:
            self._follow(gitops, host, [one for one in mine if one.pull == number])
            mine = self._proposed(edit)
        return (mine[-1].branch if mine else None) or f"{BRANCHES}{edit.id}"

    def _proposed(self, edit: Edit) -> list[Edit]:
        edits = open_edits(self.store, edit.project)
        return [one for one in edits if one.state == "proposed" and one.experiment == edit.experiment]

    def _host(self, gitops: GitOps) -> GitHost:
        host = self.repositories.host(gitops)
        if host is None:
            raise Conflict(_NONE)
        return host

    @property
    def _records(self) -> EditRecords:
        return EditRecords(self.store, self.clock, self.ids)


def _found(host: GitHost, number: int) -> PullRequest | None:
    try:
        return host.pull(number)
    except NotFound:
        return None


def _body(edit: Edit) -> str:
    name = edit.author.partition("<")[0].strip()
    return f"{name} saved this in the litmus-gitops portal, as edit `{edit.id}`. Closing it drops the edit."
