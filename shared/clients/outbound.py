"""One request to a party that a project named: within deadlines, and along no redirect to where we would not go."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from shared.clients.pools import trusting
from shared.errors import Forbidden, Unavailable
from shared.model.calls import Answer

_BUNDLES: Final = 100
"""Private CAs whose connections are kept; more begin anew."""


class _LocalAddress(Exception):
    """The name leads to an address that this deployment refuses."""


class _PublicHTTP(HTTPConnection):
    """Refuses, once connected and before anything is sent, a peer that is not public: names can be made to lie."""

    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PublicHTTPS(HTTPSConnection):
    """The same, before TLS begins."""

    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PublicHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PublicHTTP


class _PublicHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPS


class Outbound:
    """Sends requests to `who`, as errors name it; with `allow_local` also to this machine or its network.

    `connect` and `read` are seconds to connect and for the whole answer, of which at most `limit` bytes are read.
    """

    def __init__(self, who: str, *, allow_local: bool, connect: float, read: float, limit: int) -> None:
        self._who = who
        self._allow_local = allow_local
        self._timeout = urllib3.Timeout(connect=connect, read=read)
        self._read = read
        self._limit = limit
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, ca: str | None = None
    ) -> Answer:
        """Send once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here.

        `ca` (PEM) is trusted in place of the system's CAs; `Misconfigured` if it holds no certificates.
        """
        pool, until = self._pool(ca), time.monotonic() + self._read
        named = {**headers, "accept-encoding": "identity"}
        try:
            response = pool.request(
                method, url, body=body, headers=named, redirect=False, preload_content=False, decode_content=False
            )
            with _closing(response):
                return Answer(response.status, self._bounded(response, until))
        except _LocalAddress as error:
            raise Forbidden(
                f"the address of {self._who} is on this machine or its network, which is refused"
            ) from error
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise Unavailable(f"{self._who} does not answer: {type(error).__name__}") from error

    def _bounded(self, response: urllib3.BaseHTTPResponse, until: float) -> bytes:
        """Read the answer bit by bit, so that neither its length nor its slowness is unbounded."""
        read = b""
        while len(read) < self._limit and (bit := response.read1(self._limit - len(read))):
            read += bit
            if time.monotonic() > until:
                raise TimeoutError("the answer took too long")
        return read

    def _pool(self, ca: str | None) -> urllib3.PoolManager:
        found = self._pools.get(ca)
        if found is None:
            found = self._opened(ca)
            if len(self._pools) >= _BUNDLES:
                self._pools.clear()
            self._pools[ca] = found
        return found

    def _opened(self, ca: str | None) -> urllib3.PoolManager:
        context = None if ca is None else trusting(ca)
        pool = urllib3.PoolManager(num_pools=100, maxsize=4, timeout=self._timeout, retries=False, ssl_context=context)
        if not self._allow_local:
            pool.pool_classes_by_scheme = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}
        return pool


@contextmanager
def _closing(response: urllib3.BaseHTTPResponse) -> Iterator[None]:
    try:
        yield
    finally:
        response.close()
        response.release_conn()


def _checked(connected: socket.socket) -> socket.socket:
    found = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    if (getattr(found, "ipv4_mapped", None) or found).is_global:
        return connected
    connected.close()
    raise _LocalAddress
