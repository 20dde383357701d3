"""Tells the git host how a commit stands: computed from what is stored, posted where it differs from what was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.errors import LitmusGitopsError, NotYet, Stale, Unavailable
from shared.model.hosting import CommitStatus
from shared.model.messages import Message
from shared.model.records import Put
from shared.model.statuses import Commit, Concern, Posted
from shared.ports.ambient import Clock, Ids
from shared.ports.git import GitHost
from shared.ports.state import Store
from shared.rules.verdicts import Case, counting, judge
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger, stamp
from shared.services.portal_records import listed
from shared.services.repositories import Repositories
from shared.services.tables import COMMITS, CONCERNS, EXPERIMENTS, POSTED, PROJECTS, RUNS, Versioned

CLAIM: Final = timedelta(seconds=120)
"""How long one worker may take to tell the host; whoever is slower has it told again."""

_SOON, _LATER = 2.0, 30.0
"""Seconds until it is tried again: while another worker is at it, and while the host is away."""

Send = Callable[[CommitStatus], None]


def context_of(project: str) -> str:
    """Return the context's name, which branch protection can require."""
    return f"litmus-gitops/{project}"


@dataclass(frozen=True, slots=True)
class Statuses:
    """Statuses on commits of projects whose host has an API. `public_url` is where the portal is reached."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids
    public_url: str

    def tell(self, message: Message) -> None:
        """Post a commit's status if it differs from the posted one (message `sync/status`).

        Raises `NotYet` while another worker tells it or the host is away; a refusal stands in the ledger, once.
        """
        project, commit = message.ids["project"], message.ids["commit"]
        host = self._host(project)
        if host is not None:
            self.settle(project, commit, lambda status: host.set_status(commit, status))

    def settle(self, project: str, commit: str, send: Send, *, again: bool = False) -> bool:
        """Have the status sent by `send`, with `again` even if it was posted already; return whether it is posted.

        Claim, effect, confirm: two workers never tell the host at the same time, so that the later status stays.
        """
        was = POSTED.load_or(self.store, Posted(), project, commit)
        if was.value.until > stamp(self.clock):
            raise NotYet(f"the status of {commit[:12]} is being posted", _SOON)
        known = COMMITS.load_or(self.store, Commit(), project, commit).value
        status = self._status(project, commit, known)
        stands = was.value.status == status and not (was.value.problem and known.ours and not was.value.ours)
        if stands and not again:
            return not was.value.problem
        claimed = self._claim(was)
        problem = self._sent(claimed, status, send)
        self._confirm(project, commit, claimed, Posted(status, problem=problem, ours=known.ours))
        return not problem

    def _host(self, project: str) -> GitHost | None:
        found = PROJECTS.load(self.store, project)
        gitops = found and found.value.gitops
        return self.repositories.host(gitops) if gitops and gitops.enabled else None

    def _status(self, project: str, commit: str, known: Commit) -> CommitStatus:
        concerns = [row.value for row in listed(self.store, CONCERNS, project, commit)]
        told = judge(known, [self._case(project, one) for one in counting(concerns)])
        place = f"/#{project}/{told.run}" if told.run else f"/#{project}"
        return CommitStatus(context_of(project), told.state, told.words, self.public_url + place)

    def _case(self, project: str, concern: Concern) -> Case:
        experiment = EXPERIMENTS.load(self.store, project, concern.experiment)
        run = RUNS.load(self.store, project, concern.run) if concern.run else None
        name = experiment.value.name if experiment else concern.experiment
        return Case(concern, name, run.value if run else None)

    def _claim(self, was: Versioned[Posted]) -> Versioned[Posted]:
        """Write that the host is being told; until that is confirmed, what it shows is not known."""
        until = stamp(lambda: self.clock() + CLAIM)
        claim = Posted(until=until, problem=was.value.problem)
        try:
            self.store.commit([POSTED.replace(was, claim)])
        except Stale as error:
            raise NotYet("another worker began to post this status", _SOON) from error
        return Versioned(was.key, claim, was.version + 1)

    def _sent(self, claimed: Versioned[Posted], status: CommitStatus, send: Send) -> str:
        """Send, and return why the host refuses it for good; while the host is away, give the claim back."""
        try:
            send(status)
        except Unavailable as error:
            self._give_back(claimed)
            raise NotYet(str(error), error.seconds if isinstance(error, NotYet) else _LATER) from error
        except LitmusGitopsError as error:
            return str(error)
        return ""

    def _give_back(self, claimed: Versioned[Posted]) -> None:
        try:
            self.store.commit([POSTED.replace(claimed, Posted(problem=claimed.value.problem))])
        except Stale:
            return

    def _confirm(self, project: str, commit: str, claimed: Versioned[Posted], posted: Posted) -> None:
        """Write what the host shows now; a claim that was lost meanwhile leaves that open, and it is told again."""
        rows = (
            [] if posted.problem and posted.problem == claimed.value.problem else [self._row(project, commit, posted)]
        )
        try:
            self.store.commit([POSTED.replace(claimed, posted), *rows])
        except Stale as error:
            until_fresh(lambda: self._forget(project, commit))
            raise NotYet(f"posting the status of {commit[:12]} took too long", _SOON) from error

    def _forget(self, project: str, commit: str) -> None:
        now = POSTED.load_or(self.store, Posted(), project, commit)
        self.store.commit([POSTED.replace(now, Posted(until=now.value.until, problem=now.value.problem))])

    def _row(self, project: str, commit: str, posted: Posted) -> Put:
        assert posted.status, "what was sent is known"
        words = f"{posted.status.state}: {posted.status.description}"
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "report",
            verdict="untold" if posted.problem else "told",
            reason=f"the git host was not told ({posted.problem}): {words}" if posted.problem else words,
            subject=commit,
            detail={"context": posted.status.context, "state": posted.status.state},
            links=[("commit", commit)],
        )
        return row
