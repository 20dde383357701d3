"""Sends orders to subscribers over HTTP: once each, within deadlines, and never along a redirect."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from shared.errors import Forbidden, Unavailable
from shared.model.calls import Answer

CONNECT: Final = 2.0
READ: Final = 10.0
"""Seconds to connect, and seconds for the whole answer."""

LIMIT: Final = 64 * 1024
"""Bytes that are read of an answer; the rest is left unread."""


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


class HttpSubscribers:
    """POSTs to subscribers; with `allow_local` also to those on this machine or its network."""

    def __init__(self, *, allow_local: bool, connect: float = CONNECT, read: float = READ) -> None:
        self._read = read
        timeout = urllib3.Timeout(connect=connect, read=read)
        self._pool = urllib3.PoolManager(num_pools=100, maxsize=4, timeout=timeout, retries=False)
        if not allow_local:
            self._pool.pool_classes_by_scheme = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here."""
        until = time.monotonic() + self._read
        try:
            return self._post(url, {**headers, "accept-encoding": "identity"}, body, until)
        except _LocalAddress as error:
            raise Forbidden("the subscriber's address is on this machine or its network, which is refused") from error
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise Unavailable(f"its subscriber does not answer: {type(error).__name__}") from error

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, until: float) -> Answer:
        response = self._pool.request(
            "POST", url, body=body, headers=headers, redirect=False, preload_content=False, decode_content=False
        )
        try:
            return Answer(response.status, _bounded(response, until))
        finally:
            response.close()
            response.release_conn()


def _bounded(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """Read the answer bit by bit, so that neither its length nor its slowness is unbounded."""
    read = b""
    while len(read) < LIMIT and (bit := response.read1(LIMIT - len(read))):
        read += bit
        if time.monotonic() > until:
            raise TimeoutError("the answer took too long")
    return read


def _checked(connected: socket.socket) -> socket.socket:
    found = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    if (getattr(found, "ipv4_mapped", None) or found).is_global:
        return connected
    connected.close()
    raise _LocalAddress
