"""Opens the API of a repository's host."""

from __future__ import annotations

from shared.model.hosting import Access
from shared.ports import GitHost


class Hosts:
    """Implements `ports.GitHosts`."""

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git."""
        del access
        return None
