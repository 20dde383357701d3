"""One watch of a Kubernetes collection: listed once, followed, resumed where it was cut, and ended from any thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3

from shared.errors import Gone, Unavailable

Json = dict[str, Any]

_SEEN: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
_SHORTEST, _LONGEST = 0.1, 10.0
_ATTEMPTS: Final = 3
_ANSWER: Final = 240.0
"""Seconds that one answer is asked to last: less than what cuts idle connections on their way."""


@dataclass(slots=True)
class Watching:
    """Iterate it, in one thread, for `seconds`; `close` ends it from any other.

    `listed` returns the collection's objects and its resourceVersion, `opened` the stream of what came after a
    resourceVersion, for so many seconds. A stream that ends early is resumed where it ended, and one whose past is
    forgotten (410) lists anew; the more of them end without a word, the longer the pauses between them, up to 10 s.
    A server that does not answer is asked three times more, then the iteration raises `Unavailable`.
    """

    listed: Callable[[], tuple[list[Json], str]]
    opened: Callable[[str, float], urllib3.BaseHTTPResponse]
    seconds: float
    _closed: threading.Event = field(default_factory=threading.Event)
    _answer: urllib3.BaseHTTPResponse | None = None

    def __iter__(self) -> Iterator[Json]:
        """Yield what is there, then each object as it becomes; one that was deleted comes a last time as it was."""
        deadline = time.monotonic() + self.seconds
        version, silent = "", 0
        while (left := deadline - time.monotonic()) > 0 and not self._closed.is_set():
            if not version:
                items, version = self.listed()
                yield from items
            began, silent = time.monotonic(), silent + 1
            for kind, obj in self._events(version, min(left, _ANSWER), silent):
                version = obj["metadata"]["resourceVersion"] if kind != "ERROR" else ""
                silent = 0 if version else silent
                if kind in _SEEN:
                    yield obj
            silent = 0 if time.monotonic() - began > _LONGEST else silent
            self._closed.wait(min(_SHORTEST * 2 ** min(silent, 10), _LONGEST))

    def close(self) -> None:
        """End the iteration, also one that waits for the server's next word."""
        self._closed.set()
        answer = self._answer
        if answer is not None:
            with suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
                answer.shutdown()

    def _events(self, version: str, seconds: float, attempt: int) -> Iterator[tuple[str, Json]]:
        try:
            answer = self._answer = self.opened(version, seconds)
        except Gone as error:
            yield "ERROR", {"message": str(error)}
            return
        except Unavailable:
            if attempt > _ATTEMPTS:
                raise
            return
        try:
            if not self._closed.is_set():
                yield from _decoded(answer.stream(decode_content=False))
        except urllib3.exceptions.HTTPError:
            return
        finally:
            self._answer = None
            answer.close()


def _decoded(chunks: Iterator[bytes]) -> Iterator[tuple[str, Json]]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            event = json.loads(line)
            yield event["type"], event["object"]
