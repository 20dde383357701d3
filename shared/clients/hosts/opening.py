"""Opens the API of a repository's host."""

from __future__ import annotations

from shared.model.hosting import Access
from shared.model.proxies import Proxies
from shared.ports import GitHost


class Hosts:
    """Implements `ports.GitHosts`; an API is reached through the proxy for its address."""

    def __init__(self, proxies: Proxies | None = None) -> None:
        self._proxies = proxies or Proxies()

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git."""
        del access
        return None
