"""Opens the API of a repository's host."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.model.hosting import Access
from shared.model.proxies import Proxies
from shared.ports.git import GitHost

if TYPE_CHECKING:
    from shared.clients.hosts.web import Pools, Waiting


class Hosts:
    """Implements `ports.GitHosts`; connections are shared within a process, proxies lead to the API's address."""

    def __init__(self, proxies: Proxies | None = None, waiting: Waiting | None = None) -> None:
        self._proxies = proxies or Proxies()
        self._waiting = waiting

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git; opening does no I/O."""
        if access.provider == "github":
            from shared.clients.hosts.github import GitHub  # noqa: PLC0415 - PyGithub loads when it is first needed

            return GitHub(access, self._pools)
        if access.provider == "gitlab":
            from shared.clients.hosts.gitlab import GitLab  # noqa: PLC0415 - likewise python-gitlab

            return GitLab(access, self._pools)
        return None

    @cached_property
    def _pools(self) -> Pools:
        from shared.clients.hosts.web import Pools, Waiting  # noqa: PLC0415 - likewise what opens connections

        return Pools(self._proxies, self._waiting or Waiting())
