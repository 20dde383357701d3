"""Two-way byte streams to a git server, on which every wait ends."""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

from shared.clients.git.places import Place


class Patience(NamedTuple):
    """How long a host is waited for: seconds to reach it, and seconds that it may be silent."""

    connect: float = 5.0
    read: float = 30.0


class Stream(Protocol):
    """An open connection to one service of one repository."""

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or fewer at the end: `TimeoutError` after too long a silence."""
        ...

    def write(self, data: bytes) -> int:
        """Send all of it."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class TcpStream:
    """git://, without login."""

    def __init__(self, place: Place, service: str, version: int, patience: Patience) -> None:
        self._socket = socket.create_connection((place.host, place.port or 9418), patience.connect)
        self._socket.settimeout(patience.read)
        self._file = self._socket.makefile("rb")
        extra = f"\0version={version}\0" if version else ""
        request = f"{service} {place.path}\0host={place.host}\0{extra}".encode()
        self.write(b"%04x" % (len(request) + 4) + request)

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or fewer at the end."""
        return self._file.read(size)

    def write(self, data: bytes) -> int:
        """Send all of it."""
        self._socket.sendall(data)
        return len(data)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()
