"""Finds pull requests whose delivery was lost: those that were never looked at, and those that have closed since."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import LitmusGitopsError
from shared.model.hosting import PullRequest
from shared.model.messages import Message
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.lagging import unseen
from shared.services.ledger import Ledger
from shared.services.portal_records import listed
from shared.services.repositories import Repositories
from shared.services.tables import PROJECTS, PULLS, UNLISTED


@dataclass(frozen=True, slots=True)
class PullWatch:
    """Compares the open pull requests of a project with those that were looked at."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def look_after(self, message: Message) -> None:
        """Send what is due of one project (message `reconcile/pulls`); what fails now comes at the next tick."""
        project = message.ids["project"]
        found = PROJECTS.load(self.store, project)
        gitops = found.value.gitops if found else None
        if gitops is None or not gitops.enabled:
            return
        try:
            host = self.repositories.host(gitops)
            pulls = host.open_pulls(gitops.branch) if host else []
        except LitmusGitopsError as error:
            self._degrade(project, str(error))
            return
        if host:
            self._remind(project, pulls)

    def _remind(self, project: str, pulls: list[PullRequest]) -> None:
        looked = [row.value for row in listed(self.store, PULLS, project)]
        for number in unseen(pulls, looked):
            self.store.commit([], [_reminder(project, number)])
        self._degrade(project, "")

    def _degrade(self, project: str, problem: str) -> None:
        """Show in the ledger why pull requests cannot be listed, once while that lasts."""
        was = UNLISTED.load_or(self.store, "", project)
        if was.value == problem:
            return
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "sync",
            verdict="degraded" if problem else "synced",
            reason=f"pull requests cannot be listed: {problem}" if problem else "pull requests can be listed again",
            subject=project,
        )
        self.store.commit([UNLISTED.replace(was, problem), row])


def _reminder(project: str, number: int) -> Message:
    """Return a message whose id says what it is about: while one is on its way, another is not added."""
    return Message(f"remind-sync-pull-{project}-{number}", "sync", "pull", {"project": project, "number": str(number)})
