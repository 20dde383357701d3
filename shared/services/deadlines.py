"""Work that an answer waits for until its time is up, and no longer, whatever the store does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import Any, Final, TypeVar

from shared.errors import Invalid, Unavailable
from shared.rules.durations import seconds

T = TypeVar("T")

LONGEST: Final = 2.0
"""Seconds that an API server is made to wait at most: all that it does to the object waits with it."""

_SHARE: Final = 0.75
"""How much of the API server's own time-out is used: the rest is for the way there and back."""

_SHORT: Final = 0.2
"""Seconds that are waited while others are overdue: they wait for the same store, and answers queue for our threads."""

_THREADS: Final = 160
"""More than any of our servers have: threads are made only as they are needed."""


class Late(Unavailable):
    """The work is not done yet; it goes on."""


class Busy(Unavailable):
    """Too much work is overdue: this was not begun."""


class Deadlines:
    """Work on threads of its own, of which at most `most` may go on though nobody waits for them any more."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(_THREADS, "deadline")
        self._overdue: set[Future[Any]] = set()

    def within(self, patience: float, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise what it raises; `Late` after `patience` seconds, `Busy` at once."""
        if len(self._overdue) >= self._most:
            raise Busy("too many reviews wait for the store")
        future = self._pool.submit(copy_context().run, work)
        try:
            return future.result(min(patience, _SHORT) if self._overdue else patience)
        except TimeoutError:
            if future.done():
                raise
            self._overdue.add(future)
            future.add_done_callback(self._overdue.discard)
            raise Late("the store did not answer in time") from None


def patience(query: Mapping[str, str]) -> float:
    """Return the seconds in which to answer, from the time-out that an API server names in its call (`timeout=3s`)."""
    return _patience(query.get("timeout", ""))


@lru_cache(256)
def _patience(told: str) -> float:
    try:
        return min(LONGEST, _SHARE * seconds(told))
    except Invalid:
        return LONGEST
