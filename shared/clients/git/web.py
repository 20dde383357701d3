"""What the http(s) remotes of a process share: connections, what servers offer, and whoever asked us to wait."""

from __future__ import annotations

import ssl
import time
from typing import Final
from urllib.parse import unquote, urlsplit

import urllib3

from shared.clients.git.packets import Capabilities
from shared.clients.git.places import Place
from shared.clients.git.streams import Patience
from shared.errors import Misconfigured, NotYet
from shared.model.proxies import Proxies

Known = tuple[str, Capabilities | None]
"""Where the repository is really served, and what is offered there; None where version 2 is not spoken."""

_REMEMBERED: Final = 1000
_POOLS: Final = 100


class Web:
    """Shared by all remotes of one `Remotes`; nothing in it is more than a shortcut."""

    def __init__(self, patience: Patience | None = None, proxies: Proxies | None = None) -> None:
        self._patience, self._proxies = patience or Patience(), proxies or Proxies()
        self._pools: dict[tuple[str | None, str | None], urllib3.PoolManager] = {}
        self._waits: dict[str, tuple[float, NotYet]] = {}
        self.known: dict[str, Known] = {}

    def pool(self, place: Place, ca: str | None) -> urllib3.PoolManager:
        """Return the connections that trust `ca` (PEM, else the system's CAs), through the proxy for this place."""
        key = (ca, self._proxies.of(place.url))
        for cache, limit in ((self._pools, _POOLS), (self.known, _REMEMBERED), (self._waits, _REMEMBERED)):
            if len(cache) > limit:
                cache.clear()
        if key not in self._pools:
            timeout = urllib3.Timeout(connect=self._patience.connect, read=self._patience.read)
            self._pools[key] = connections(*key, timeout)
        return self._pools[key]

    def ask_to_wait(self, place: Place, error: NotYet) -> None:
        """Remember that the host wants no request for so long."""
        self._waits[place.host] = (time.monotonic() + error.seconds, error)

    def check_wait(self, place: Place) -> None:
        """Raise what the host said when it asked us to wait, as long as that lasts."""
        until, error = self._waits.get(place.host, (0.0, None))
        left = until - time.monotonic()
        if error is not None and left > 0:
            raise NotYet(str(error), left)


def connections(ca: str | None, proxy: str | None, timeout: urllib3.Timeout) -> urllib3.PoolManager:
    """Return connections that trust `ca` (PEM, else the system's CAs), through a proxy; they repeat nothing."""
    context = _trusting(ca)
    if proxy is None:
        return urllib3.PoolManager(maxsize=4, timeout=timeout, retries=False, ssl_context=context)
    parts = urlsplit(proxy)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = urllib3.make_headers(proxy_basic_auth=login) if parts.username else None
    return urllib3.ProxyManager(
        proxy, maxsize=4, timeout=timeout, retries=False, ssl_context=context, proxy_headers=headers
    )


def _trusting(ca: str | None) -> ssl.SSLContext:
    """Return what trusts these certificates alone, or the system's; an empty bundle does not stand for the system's."""
    try:
        return ssl.create_default_context(cadata="none" if ca == "" else ca)
    except (ssl.SSLError, ValueError) as error:
        raise Misconfigured("the secret that `ca_bundle` names holds no certificates in PEM") from error
