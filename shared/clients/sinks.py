"""Tells sinks what happened: one POST each, within deadlines, and never along a redirect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.clients.outbound import Outbound
from shared.model.calls import Answer

CONNECT: Final = 3.0
READ: Final = 15.0
"""Seconds to connect, and seconds for the whole answer: Standard Webhooks has senders wait 15 to 30."""

LIMIT: Final = 4 * 1024
"""Bytes that are read of an answer; the rest is left unread."""


class HttpSinks:
    """Implements `ports.Sinks`; with `allow_local` also for those on this machine or its network."""

    def __init__(self, *, allow_local: bool, connect: float = CONNECT, read: float = READ) -> None:
        self._out = Outbound("the sink", allow_local=allow_local, connect=connect, read=read, limit=LIMIT)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here."""
        return self._out.send("POST", url, headers, body)
