"""Sends orders to subscribers over HTTP: once each, within deadlines, and never along a redirect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.clients.outbound import Outbound
from shared.model.calls import Answer

CONNECT: Final = 2.0
READ: Final = 10.0
"""Seconds to connect, and seconds for the whole answer."""

LIMIT: Final = 64 * 1024
"""Bytes that are read of an answer; the rest is left unread."""


class HttpSubscribers:
    """POSTs to subscribers; with `allow_local` also to those on this machine or its network."""

    def __init__(self, *, allow_local: bool, connect: float = CONNECT, read: float = READ) -> None:
        self._out = Outbound("its subscriber", allow_local=allow_local, connect=connect, read=read, limit=LIMIT)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here."""
        return self._out.send("POST", url, headers, body)
