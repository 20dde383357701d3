"""What every part of the API needs: the store, the ledger's pen, and the project that a path names."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Conflict, NotFound
from shared.model.calls import Call
from shared.model.projects import GitOps, Project
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.ledger import Ledger
from shared.services.tables import PROJECTS, Versioned


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts that the API's use cases share. `public_url` is where clusters reach us."""

    store: Store
    clock: Clock
    ids: Ids
    master: bytes
    public_url: str
    allow_local: bool

    @property
    def ledger(self) -> Ledger:
        """The pen for the ledger's rows."""
        return Ledger(self.clock, self.ids)

    def project(self, call: Call) -> Versioned[Project]:
        """Return the project that the path names: `NotFound` otherwise."""
        found = PROJECTS.load(self.store, call.params["project"])
        if found is None:
            raise NotFound(f"no project {call.params['project'][:80]!r}: create it with POST /api/projects")
        return found


def enabled(project: Project) -> GitOps:
    """Return the project's GitOps settings, or say how to turn it on."""
    if project.gitops is None or not project.gitops.enabled:
        raise Conflict(
            f"GitOps is off for project {project.id!r}: turn it on with PUT /api/projects/{project.id}/gitops"
        )
    return project.gitops
