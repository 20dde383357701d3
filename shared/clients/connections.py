"""HTTP connections to many parties, kept for a while: lean, since one trigger may send an order to each of hundreds."""

from __future__ import annotations

import ipaddress
import select
import threading
import time
import weakref
from http.client import HTTPConnection, HTTPSConnection
from ssl import SSLContext
from typing import Any, Final, NamedTuple

from shared.clients.trust import trusting

IDLE: Final = 30.0
"""Seconds that an idle connection is kept: less than what most servers, balancers and routers allow one."""

MOST: Final = 512
"""Idle connections that are kept in all; a process may often have no more than 1,024 files open."""

_BUNDLES: Final = 100
"""CAs whose context is kept; more begin anew."""

PORTS: Final = {"http": 80, "https": 443}


class LocalAddress(Exception):
    """The name leads to an address that this deployment refuses."""


class Place(NamedTuple):
    """Where a connection leads, and whose certificates are trusted there (PEM; None: the system's)."""

    scheme: str
    host: str
    port: int
    ca: str | None


class _Plain(HTTPConnection):
    """Sends a request's head and body at once: two small packets cost twice as much as one."""

    def request(self, *words: Any, **named: Any) -> None:
        """Gather the request, and send it."""
        self._gathered: list[bytes] = []
        super().request(*words, **named)
        self.sock.sendall(b"".join(self._gathered))

    def send(self, data: Any) -> None:
        """Gather a part."""
        self._gathered.append(data)


class _Tls(HTTPSConnection, _Plain):
    """The same in TLS."""


class _Public(_Plain):
    """Refuses, once connected and before anything is sent, a peer that is not public: names can be made to lie."""

    def connect(self) -> None:
        """Connect, and look where that led."""
        super().connect()
        found = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0])
        if not (getattr(found, "ipv4_mapped", None) or found).is_global:
            self.close()
            raise LocalAddress


class _PublicTls(_Tls, _Public):
    """The same, before TLS begins."""


class Connections:
    """Opens connections and keeps those that were given back; each is one caller's at a time.

    `connect` and `read` are seconds to connect, and to be silent after that; `most` are kept, for `idle` seconds.
    """

    def __init__(self, *, allow_local: bool, connect: float, read: float, idle: float = IDLE, most: int = MOST) -> None:
        self._plain, self._tls = (_Plain, _Tls) if allow_local else (_Public, _PublicTls)
        self._connect = connect
        self._read = read
        self._longest = idle
        self._most = most
        self._lock = threading.Lock()
        self._idle: dict[Place, list[tuple[float, HTTPConnection]]] = {}
        self._kept = 0
        self._contexts: dict[str | None, SSLContext] = {}
        weakref.finalize(self, _close_all, self._idle)

    def take(self, place: Place) -> HTTPConnection:
        """Return a connection: one that was kept and is still open, or a new one."""
        since = time.monotonic() - self._longest
        while kept := self._pop(place):
            at, connection = kept
            if at >= since and not _ended(connection):
                return connection
            connection.close()
        return self._open(place)

    def give(self, place: Place, connection: HTTPConnection) -> None:
        """Take back a connection whose last answer was read to its end."""
        for old in self._put(place, connection, time.monotonic()):
            old.close()

    def _open(self, place: Place) -> HTTPConnection:
        connection = self._made(
            place, self._context(place.ca) if place.ca is not None or place.scheme == "https" else None
        )
        connection.connect()
        connection.sock.settimeout(self._read)
        return connection

    def _made(self, place: Place, context: SSLContext | None) -> HTTPConnection:
        if place.scheme == "https":
            return self._tls(place.host, place.port, timeout=self._connect, context=context)
        return self._plain(place.host, place.port, timeout=self._connect)

    def _pop(self, place: Place) -> tuple[float, HTTPConnection] | None:
        """Return the connection that was given back last, and when."""
        with self._lock:
            kept = self._idle.get(place)
            if not kept:
                return None
            self._kept -= 1
            return kept.pop()

    def _put(self, place: Place, connection: HTTPConnection, now: float) -> list[HTTPConnection]:
        """Keep a connection; return those that are to be closed for it."""
        with self._lock:
            old = self._sweep(now - self._longest) if self._kept >= self._most else []
            if self._kept >= self._most:
                return [*old, connection]
            self._idle.setdefault(place, []).append((now, connection))
            self._kept += 1
            return old

    def _sweep(self, since: float) -> list[HTTPConnection]:
        old = [connection for kept in self._idle.values() for at, connection in kept if at < since]
        left = {place: [one for one in kept if one[0] >= since] for place, kept in self._idle.items()}
        self._idle.clear()
        self._idle.update({place: kept for place, kept in left.items() if kept})
        self._kept -= len(old)
        return old

    def _context(self, ca: str | None) -> SSLContext:
        found = self._contexts.get(ca)
        if found is None:
            if len(self._contexts) >= _BUNDLES:
                self._contexts.clear()
            found = self._contexts[ca] = trusting(ca)
        return found


def _ended(connection: HTTPConnection) -> bool:
    """Whether the other side closed an idle connection, or says what nobody asked for."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(idle: dict[Place, list[tuple[float, HTTPConnection]]]) -> None:
    for kept in idle.values():
        for _, connection in kept:
            connection.close()
