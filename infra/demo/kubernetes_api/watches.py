"""Open watches: writes come in from any thread and go out as lines of a response."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from infra.demo.kubernetes_api.reads import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from infra.demo.kubernetes_api.calls import Call
    from infra.demo.kubernetes_api.reads import Reads
    from infra.demo.kubernetes_api.storage import Event

LONGEST = 1800


class Watch:
    """One client's watch; created in the server's loop, it follows the storage until `lines` ends."""

    def __init__(self, reads: Reads, call: Call) -> None:
        """Begin to follow, or raise the refusal."""
        self._reads = reads
        self._wanted = Filter.of(call)
        self._seconds = int(call.text("timeoutSeconds") or LONGEST)
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._first = reads.follow(call, self.tell)

    def tell(self, event: Event | None) -> None:
        """Pass a write on, from any thread; None ends the watch."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield one JSON line an event until the client's time is over or the server stops."""
        try:
            for first in self._first:
                yield encoded(first)
            async with asyncio.timeout(self._seconds):
                while (event := await self._events.get()) is not None:
                    if (seen := self._wanted.seen(event)) is not None:
                        yield encoded(seen)
        except TimeoutError:
            return
        finally:
            self._reads.storage.unfollow(self.tell)


def encoded(event: Any) -> bytes:
    """Return a watch event as a line of the stream."""
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
