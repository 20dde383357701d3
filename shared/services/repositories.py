"""Opens the repository of a project and its host: an address that is allowed here, with what its references name."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.hosting import Access
from shared.model.projects import GitOps
from shared.ports.ambient import Secrets
from shared.ports.git import GitHost, GitHosts, GitRemote, GitRemotes
from shared.rules.urls import check_api, check_repository


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories that projects name. `allow_local` accepts `file://` and loopback ones."""

    remotes: GitRemotes
    hosts: GitHosts
    secrets: Secrets
    allow_local: bool

    def of(self, gitops: GitOps) -> GitRemote:
        """Return the remote: `Invalid` if the address is refused here, `Misconfigured` if a secret is missing."""
        return self.remotes(self._access(gitops))

    def host(self, gitops: GitOps) -> GitHost | None:
        """Return the API of the repository's host, None for plain git; raises as `of` does."""
        return self.hosts(self._access(gitops))

    def _access(self, gitops: GitOps) -> Access:
        check_repository(gitops.repo_url, allow_local=self.allow_local)
        if gitops.api_url is not None:
            check_api(gitops.api_url, allow_local=self.allow_local)
        return Access(
            url=gitops.repo_url,
            credential=self._value(gitops.credential),
            provider=gitops.provider,
            api_url=gitops.api_url,
            ca=self._value(gitops.ca_bundle),
            signed=gitops.signed_commits,
            allow_local=self.allow_local,
        )

    def _value(self, reference: str | None) -> str | None:
        return None if reference is None else self.secrets(reference)
