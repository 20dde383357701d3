"""A project's credential at its git host: whether it still serves, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import LitmusGitopsError
from shared.model.calls import Answer, Call
from shared.model.projects import GitOps
from shared.services.api.desk import Desk, enabled
from shared.services.api.operations import Operation
from shared.services.repositories import Repositories


@dataclass(frozen=True, slots=True)
class Credentials:
    """Asks the host itself; the credential stays the reference that it is."""

    desk: Desk
    repositories: Repositories

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        path = "/projects/{project}/credential"
        return [Operation("GET", path, "Say whether the credential serves, and until when", self.check)]

    def check(self, call: Call) -> Answer:
        """Show why the host refuses it or cannot be asked, else when it ends, where the host tells that."""
        gitops = enabled(self.desk.project(call).value)
        problem, ends = None, None
        try:
            ends = self._ends(gitops)
        except LitmusGitopsError as error:
            problem = str(error)
        told = ends and ends.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Answer(200, {"credential": gitops.credential, "problem": problem, "expires_at": told})

    def _ends(self, gitops: GitOps) -> datetime | None:
        host = self.repositories.host(gitops)
        if host is not None:
            return host.expiry()
        self.repositories.of(gitops).head(gitops.branch)
        return None
