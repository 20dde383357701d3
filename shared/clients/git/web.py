"""What the http(s) remotes of a process share: connections, what servers offer, and whoever asked us to wait."""

from __future__ import annotations

import time
from typing import Final

import urllib3

from shared.clients.git.packets import Capabilities
from shared.clients.git.places import Place
from shared.clients.git.streams import Patience
from shared.clients.pools import open_pool
from shared.errors import NotYet
from shared.model.proxies import Proxies

Known = tuple[str, Capabilities | None]
"""Where the repository is really served, and what is offered there; None where version 2 is not spoken."""

_REMEMBERED: Final = 1000
_POOLS: Final = 100


class Web:
    """Shared by all remotes of one `Remotes`; nothing in it is more than a shortcut."""

    def __init__(self, patience: Patience | None = None, proxies: Proxies | None = None) -> None:
        waited = patience or Patience()
        self._timeout = urllib3.Timeout(connect=waited.connect, read=waited.read)
        self._proxies = proxies or Proxies()
        self._pools: dict[tuple[str | None, str | None], urllib3.PoolManager] = {}
        self._waits: dict[str, tuple[float, str]] = {}
        self.known: dict[str, Known] = {}

    def pool(self, place: Place, ca: str | None) -> urllib3.PoolManager:
        """Return the connections that trust `ca` (PEM, else the system's CAs), through the proxy for this place."""
        key = (ca, self._proxies.of(place.url))
        for cache, limit in ((self._pools, _POOLS), (self.known, _REMEMBERED), (self._waits, _REMEMBERED)):
            if len(cache) > limit:
                cache.clear()
        if key not in self._pools:
            self._pools[key] = open_pool(*key, self._timeout)
        return self._pools[key]

    def ask_to_wait(self, place: Place, error: NotYet) -> None:
        """Remember that the host wants no request for so long."""
        self._waits[place.host] = (time.monotonic() + error.seconds, str(error))

    def check_wait(self, place: Place) -> None:
        """Raise what the host said when it asked us to wait, as long as that lasts."""
        until, asked = self._waits.get(place.host, (0.0, ""))
        left = until - time.monotonic()
        if left > 0:
            raise NotYet(asked, left)
