"""HTTP to git hosts' APIs: every wait ends, and nothing that may have happened is repeated."""

from __future__ import annotations

import time
from collections.abc import ItemsView, Mapping
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import urllib3

from shared.clients.git.places import Place
from shared.clients.git.refusals import explained
from shared.clients.pools import open_pool
from shared.errors import Unavailable
from shared.model.proxies import Proxies

_POOLS: Final = 100
_MOVES: Final = 3
_LARGEST: Final = 32 << 20
"""Bytes of the largest answer that is read."""

_AGAIN: Final = urllib3.Retry(
    1, redirect=0, status=0, allowed_methods={"GET"}, raise_on_redirect=False, respect_retry_after_header=False
)
"""Once more where a connection could not be made, or broke while reading: never what may have been done."""


class Waiting(NamedTuple):
    """How long a host is waited for: seconds to reach it, to be silent, and for a whole answer."""

    connect: float = 5.0
    read: float = 20.0
    whole: float = 60.0


class Reply(NamedTuple):
    """An answer, in the shape that PyGithub reads."""

    status: int
    headers: Mapping[str, str]
    text: str

    def getheaders(self) -> ItemsView[str, str]:
        """Return names and values."""
        return self.headers.items()

    def read(self) -> str:
        """Return the body."""
        return self.text


class Pools:
    """Connections by what is trusted in them and what they lead through."""

    def __init__(self, proxies: Proxies, waiting: Waiting) -> None:
        self._proxies, self._waiting = proxies, waiting
        self._pools: dict[tuple[str | None, str | None], urllib3.PoolManager] = {}

    def line(self, base: str, ca: str | None) -> Line:
        """Return the line to the host of an address: `Misconfigured` if the bundle holds no certificates."""
        key = (ca, self._proxies.of(base))
        if len(self._pools) > _POOLS:
            self._pools.clear()
        if key not in self._pools:
            timeout = urllib3.Timeout(connect=self._waiting.connect, read=self._waiting.read)
            self._pools[key] = open_pool(*key, timeout)
        return Line(base, self._pools[key], self._waiting)


class Line:
    """A way to one host."""

    def __init__(self, base: str, pool: urllib3.PoolManager, waiting: Waiting) -> None:
        self._base, self._pool, self._waiting = base, pool, waiting

    def send(self, verb: str, path: str, headers: Mapping[str, str], body: str | None) -> Reply:
        """Send once, and again to where the host says that it moved: `Unavailable` if no answer came."""
        url = urljoin(self._base, path)
        for _ in range(_MOVES):
            with explained(Place.parse(self._base)):
                reply = self._once(verb, url, headers, body)
            moved = _moved(url, reply)
            if moved is None:
                return reply
            url = moved
        raise Unavailable(f"{urlsplit(url).netloc} moves a request more than {_MOVES} times")

    def _once(self, verb: str, url: str, headers: Mapping[str, str], body: str | None) -> Reply:
        until = time.monotonic() + self._waiting.whole
        response = self._pool.request(
            verb, url, body=body, headers=dict(headers), redirect=False, preload_content=False, retries=_AGAIN
        )
        try:
            text = _read(response, until)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        named = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, named, text.decode(errors="replace"))


def _read(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    got = bytearray()
    while part := response.read1(1 << 16, decode_content=True):
        got += part
        if len(got) > _LARGEST:
            raise Unavailable(f"the answer is over {_LARGEST} bytes")
        if time.monotonic() > until:
            raise Unavailable("the answer came too slowly to be awaited")
    return bytes(got)


def _moved(url: str, reply: Reply) -> str | None:
    """Return where a request is to be repeated: on the same host only, since it carries a credential."""
    if reply.status not in {301, 302, 307, 308} or "location" not in reply.headers:
        return None
    new = urljoin(url, reply.headers["location"])
    was, now = urlsplit(url), urlsplit(new)
    if (was.scheme, was.netloc) != (now.scheme, now.netloc):
        raise Unavailable(
            f"{was.netloc} sends us to {now.hostname}, where our credential does not go: mend the address"
        )
    return new
