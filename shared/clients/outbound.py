"""One request to a party that a project named: within deadlines, and along no redirect to where we would not go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import quote, urlsplit

from shared.clients.connections import PORTS, Connections, LocalAddress, Place
from shared.errors import Forbidden, Unavailable
from shared.model.calls import Answer

AGENT: Final = "litmus-gitops"
_SPOKEN: Final = "/%:@!$&'()*+,;=~?-._[]"
"""What of a path and query is sent as it stands; the rest is escaped."""


class Outbound:
    """Sends requests to `who`, as errors name it; with `allow_local` also to this machine or its network.

    `connect` and `read` are seconds to connect and for the whole answer, of which at most `limit` bytes are read.
    """

    def __init__(self, who: str, *, allow_local: bool, connect: float, read: float, limit: int) -> None:
        self._who = who
        self._read = read
        self._limit = limit
        self._connections = Connections(allow_local=allow_local, connect=connect, read=read)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, ca: str | None = None
    ) -> Answer:
        """Send once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here.

        `ca` (PEM) is trusted in place of the system's CAs; `Misconfigured` if it holds no certificates.
        """
        until = time.monotonic() + self._read
        try:
            place, target = _parts(url, ca)
            connection = self._connections.take(place)
            try:
                connection.request(method, target, body, {"user-agent": AGENT, **headers})
                answer, whole = self._answer(connection.getresponse(), until)
            except BaseException:
                connection.close()
                raise
        except LocalAddress as error:
            raise Forbidden(
                f"the address of {self._who} is on this machine or its network, which is refused"
            ) from error
        except (HTTPException, OSError, ValueError) as error:
            raise Unavailable(f"{self._who} does not answer: {type(error).__name__}") from error
        self._leave(place, connection, whole=whole)
        return answer

    def _answer(self, response: HTTPResponse, until: float) -> tuple[Answer, bool]:
        """Return the answer, and whether another may follow on its connection."""
        with response:
            answer = Answer(response.status, self._bounded(response, until))
            return answer, not response.will_close and (response.length == 0 or response.isclosed())

    def _bounded(self, response: HTTPResponse, until: float) -> bytes:
        """Read the answer bit by bit, so that neither its length nor its slowness is unbounded."""
        read = b""
        while len(read) < self._limit and (bit := response.read1(self._limit - len(read))):
            read += bit
            if time.monotonic() > until:
                raise TimeoutError("the answer took too long")
        return read

    def _leave(self, place: Place, connection: HTTPConnection, *, whole: bool) -> None:
        if whole:
            self._connections.give(place, connection)
        else:
            connection.close()


@lru_cache(1024)
def _parts(url: str, ca: str | None) -> tuple[Place, str]:
    """Return where an address leads and what is asked for there: `ValueError` if it is none."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("no http(s) address")
    place = Place(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], ca)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return place, quote(target, safe=_SPOKEN)
