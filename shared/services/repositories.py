"""Opens the repository of a project: an address that is allowed here, with the credential behind its reference."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.projects import GitOps
from shared.ports import GitRemote, GitRemotes, Secrets
from shared.rules.urls import check_repository


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories that projects name. `allow_local` accepts `file://` and loopback ones."""

    remotes: GitRemotes
    secrets: Secrets
    allow_local: bool

    def of(self, gitops: GitOps) -> GitRemote:
        """Return the remote: `Invalid` if the address is refused here, `Misconfigured` if the secret is missing."""
        check_repository(gitops.repo_url, allow_local=self.allow_local)
        credential = None if gitops.credential is None else self.secrets(gitops.credential)
        return self.remotes(gitops.repo_url, credential)
