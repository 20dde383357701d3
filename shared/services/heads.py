"""Looks at the branch's head in git: nothing starts while the portal is not known to be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import LitmusGitopsError
from shared.model.experiments import SyncState
from shared.model.projects import GitOps
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.services.dirt import dirty_writes
from shared.services.repositories import Repositories
from shared.services.tables import SYNCS

PAUSES: Final = {"head": 2.0, "experiment": 5.0, "git": 15.0}
"""Seconds until a start is looked at again, by what it waits for."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Compares the portal with git before something starts."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def behind(self, project: str, gitops: GitOps) -> Refusal | None:
        """Return why the portal cannot be known to be at the branch's head, and have it synced."""
        state = SYNCS.load_or(self.store, SyncState(), project)
        try:
            head = self.repositories.of(gitops).head(gitops.branch)
        except LitmusGitopsError as error:
            return Refusal("git", f"the head of {gitops.branch} cannot be read: {error}", wait=True)
        if head and head == state.value.commit:
            return None
        if state.value.dirty == state.value.clean:
            self.store.commit(*dirty_writes(state, self.ids, project))
        synced = state.value.commit or "nothing"
        return Refusal("head", f"{gitops.branch} is at {head or 'nothing'}, the portal at {synced}", wait=True)
