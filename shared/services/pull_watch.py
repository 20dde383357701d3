"""Finds pull requests whose delivery was lost: those that were never looked at, and those that have closed since."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import LitmusGitopsError
from shared.model.experiments import SyncState
from shared.model.messages import Message
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.lagging import unseen
from shared.rules.spreading import look_delay
from shared.services.ledger import Ledger, reminder
from shared.services.portal_records import listed
from shared.services.repositories import Repositories
from shared.services.tables import PROJECTS, PULLS, SYNCS, UNLISTED


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
        onto = SYNCS.load_or(self.store, SyncState(), project).value.head or ""
        try:
            host = self.repositories.host(gitops)
            heads = host.open_heads(gitops.branch) if host else {}
        except LitmusGitopsError as error:
            self._degrade(project, str(error))
            return
        if host:
            self._remind(project, heads, onto)

    def _remind(self, project: str, heads: dict[int, str], onto: str) -> None:
        """Have each request looked at that may be another by now, spread over time where a push made them many."""
        numbers = unseen(heads, onto, [row.value for row in listed(self.store, PULLS, project)])
        for number in numbers:
            delay = look_delay(project, number, len(numbers))
            self.store.commit([], [reminder("sync", "pull", delay, project=project, number=str(number))])
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
