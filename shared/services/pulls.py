"""Looks at pull requests: what their changed files would do, what is wrong with them, and tells it where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import msgspec

from shared.errors import LitmusGitopsError, NotFound, Unavailable
from shared.model.experiments import SyncState
from shared.model.hosting import Annotation, Check, CommitStatus, PullRequest
from shared.model.messages import Message
from shared.model.policies import PolicyBook
from shared.model.projects import GitOps, Project
from shared.model.records import Write
from shared.model.statuses import Commit, Looked
from shared.ports.ambient import Clock, Ids
from shared.ports.git import GitHost
from shared.ports.state import Store
from shared.rules.forecasts import Scene, Sight, policies_at, summary, tell
from shared.rules.pulls import Changed, Ground, differing, examine, identities
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger, message, stamp
from shared.services.portal_records import listed, open_edits
from shared.services.repositories import Repositories
from shared.services.statuses import Statuses
from shared.services.tables import COMMITS, EXPERIMENTS, MEMBERS, POLICIES, PROJECTS, PULLS, SYNCS, TRACKED
from shared.wire.files import read_file

_LONGEST: Final = 60_000
"""Characters of a comment or summary: GitHub takes 65,536."""


class _Case(msgspec.Struct, frozen=True):
    """A pull request into the synced branch of a project, which was at `onto` before it was asked for."""

    project: Project
    gitops: GitOps
    pull: PullRequest
    onto: str


class _View(msgspec.Struct, frozen=True):
    """What was found in a pull request: how many files it changes, what is to be said of them, and where.

    It `speaks` if there is anything to say.
    """

    files: int
    findings: tuple[Annotation, ...]
    text: str
    speaks: bool

    @property
    def errors(self) -> int:
        """How many findings make the check fail."""
        return sum(finding.level == "failure" for finding in self.findings)

    @property
    def state(self) -> Literal["success", "failure"]:
        """What the files alone come to."""
        return "failure" if self.errors else "success"

    @property
    def summary(self) -> str:
        """All of it in one line."""
        return summary(self.findings, self.files)


@dataclass(frozen=True, slots=True)
class Pulls:
    """Pull requests of projects whose host has an API."""

    store: Store
    repositories: Repositories
    statuses: Statuses
    clock: Clock
    ids: Ids

    def look_at(self, message: Message) -> None:
        """Look at a pull request and report on it (message `sync/pull`); a head that was looked at is left alone.

        Raises `Unavailable` while the host is away, `NotYet` behind another who reports on the same head.
        """
        project, number = message.ids["project"], int(message.ids["number"])
        found = PROJECTS.load(self.store, project)
        gitops = found.value.gitops if found else None
        host = self.repositories.host(gitops) if gitops and gitops.enabled else None
        if found is None or gitops is None or host is None:
            return
        self._tell_edits(project, number)
        onto = SYNCS.load_or(self.store, SyncState(), project).value.head or ""
        pull = _pull(host, number)
        if pull is None or pull.state != "open" or pull.target != gitops.branch:
            self._forget(project, number)
        else:
            self._look(_Case(found.value, gitops, pull, onto), host)

    def _tell_edits(self, project: str, number: int) -> None:
        """Have an edit that waits for this pull request looked after."""
        if any((one.state, one.pull) == ("proposed", number) for one in open_edits(self.store, project)):
            self.store.commit([], [message(self.ids, "sync", "proposal", project=project, number=str(number))])

    def _forget(self, project: str, number: int) -> None:
        if PULLS.load(self.store, project, str(number)):
            self.store.commit([PULLS.delete(project, str(number))])

    def _look(self, case: _Case, host: GitHost) -> None:
        project, pull = case.project.id, case.pull
        was = PULLS.load(self.store, project, str(pull.number))
        if was and (was.value.head, was.value.base) == (pull.head, pull.base):
            if was.value.onto != case.onto:
                self.store.commit([PULLS.replace(was, msgspec.structs.replace(was.value, onto=case.onto))])
            return
        view = self._view(case)
        until_fresh(partial(self._bear, case, view))
        self.statuses.settle(project, pull.head, lambda status: _publish(host, pull, status, view), again=True)
        commented = view.speaks or bool(was and was.value.commented)
        untold = _comment(host, pull, project, view) if commented else ""
        self._record(case, view, untold, commented=commented)

    def _view(self, case: _Case) -> _View:
        """Read what the request changes, in three requests, and judge it."""
        pull, folder = case.pull, case.gitops.path
        remote = self.repositories.of(case.gitops)
        _, base = remote.files(pull.base, folder)
        _, head = remote.files(pull.head, folder)
        wanted = differing(base, head)
        texts = remote.blobs(pull.head, sorted(set(wanted.values()))) if wanted else {}
        changed = [Changed(path, blob, read_file(path, texts[blob]), base.get(path)) for path, blob in wanted.items()]
        return self._judged(case, changed, head, sorted(base.keys() - head.keys()))

    def _judged(self, case: _Case, changed: Sequence[Changed], head: dict[str, str], removed: Sequence[str]) -> _View:
        ground = self._ground(case)
        given = identities(changed, head, ground)
        findings = examine(changed, given, ground)
        ids = {path: identity.id for path, identity in given.items()}
        text = tell(self._scene(case, ground, changed, head), changed, ids, removed, findings)
        return _View(len(changed), findings, text[:_LONGEST], bool(changed or removed))

    def _ground(self, case: _Case) -> Ground:
        project = case.project
        return Ground(
            project.id,
            project.safety,
            tuple(row.value for row in listed(self.store, MEMBERS, project.id)),
            case.gitops.infra_ids,
            tuple(row.value for row in listed(self.store, EXPERIMENTS, project.id)),
        )

    def _scene(self, case: _Case, ground: Ground, changed: Sequence[Changed], head: dict[str, str]) -> Scene:
        book = POLICIES.load_or(self.store, PolicyBook(), case.project.id).value
        policies = policies_at(head, changed, book.policies)
        return Scene(case.gitops, ground, policies, self._sights(ground), self.clock())

    def _sights(self, ground: Ground) -> tuple[Sight, ...]:
        """Return the workloads of the project's clusters that opt in, as they were seen last."""
        tracked = (row.value for cluster in ground.clusters for row in listed(self.store, TRACKED, cluster.id))
        seen = ((one.workload, one.candidate or one.fact) for one in tracked if one.deleted_at is None)
        return tuple(Sight(workload, side) for workload, side in seen if side and side.watched)

    def _bear(self, case: _Case, view: _View) -> None:
        """Make the findings count for the status of the head."""
        was = COMMITS.load_or(self.store, Commit(), case.project.id, case.pull.head)
        warnings = len(view.findings) - view.errors
        now = msgspec.structs.replace(was.value, pull=case.pull.number, errors=view.errors, warnings=warnings)
        if now != was.value:
            self.store.commit([COMMITS.replace(was, now)])

    def _record(self, case: _Case, view: _View, untold: str, *, commented: bool) -> None:
        project, pull = case.project.id, case.pull
        looked = Looked(pull.number, pull.head, pull.base, stamp(self.clock), view.state, commented, case.onto)
        self.store.commit([PULLS.put(looked, project, str(pull.number)), self._row(case, view, untold)])

    def _row(self, case: _Case, view: _View, untold: str) -> Write:
        pull = case.pull
        missing = f"; its comment could not be written: {untold}" if untold else ""
        _, row = Ledger(self.clock, self.ids).row(
            case.project.id,
            "report",
            verdict=view.state,
            reason=f"pull request {pull.number} at {pull.head[:12]}: {view.summary}{missing}",
            subject=pull.head,
            detail={"pull": pull.number, "url": pull.url, "errors": view.errors, "findings": len(view.findings)},
            links=[("commit", pull.head)],
        )
        return row


def _pull(host: GitHost, number: int) -> PullRequest | None:
    try:
        return host.pull(number)
    except NotFound:
        return None


def _publish(host: GitHost, pull: PullRequest, status: CommitStatus, view: _View) -> None:
    """Show what the files alone come to, with its lines, beside the status, which what runs bears on too."""
    host.publish(pull.head, Check(status, view.summary, view.text, view.findings, view.state), pull.number)
    host.set_status(pull.head, status)


def _comment(host: GitHost, pull: PullRequest, project: str, view: _View) -> str:
    """Write the comment, and return why the host refuses it for good."""
    try:
        host.comment(pull.number, f"<!-- litmus-gitops/{project} -->", view.text)
    except Unavailable:
        raise
    except LitmusGitopsError as error:
        return str(error)
    return ""
