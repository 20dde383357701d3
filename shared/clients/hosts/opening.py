"""Opens the API of a repository's host."""

from __future__ import annotations

from shared.clients.hosts.gitlab import GitLab
from shared.model.hosting import Access
from shared.ports import GitHost


class Hosts:
    """Implements `ports.GitHosts`; `proxy` is the HTTP proxy that APIs are reached through, if any."""

    def __init__(self, proxy: str | None = None) -> None:
        self._proxy = proxy

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git."""
        return GitLab(access, self._proxy) if access.provider == "gitlab" else None
