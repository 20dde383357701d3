"""How many orders one process sends at a time: in all, and to one cluster."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from shared.errors import NotYet

T = TypeVar("T")
R = TypeVar("R")

PAUSE: Final = 0.05
"""Seconds that a group waits for one more."""

CROWDED: Final = (1.0, 5.0)
"""Seconds after which an order is tried again that found its cluster's places taken."""


class Lanes:
    """Bounds on what is under way, so that a subscriber that hangs holds up few and the others none.

    `total` at a time, and `each` of them to one cluster. No thread is started before there is something to send.
    """

    def __init__(self, total: int = 32, each: int = 2) -> None:
        self._pool = ThreadPoolExecutor(total, "lane")
        self._free = threading.Semaphore(total)
        self._each = each
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def enter(self, cluster: str) -> Iterator[None]:
        """Hold a place while an order is sent: `NotYet` while the cluster's are taken; for one in all it waits."""
        self._take(cluster)
        try:
            with self._free:
                yield
        finally:
            self._give_back(cluster)

    def groups(self, act: Callable[[T], R], items: Iterable[T], most: int) -> Iterator[list[R]]:
        """Yield what `act` returns for each item, done side by side: in groups of at most `most`, as they come.

        A group that does not fill within `PAUSE` is yielded as it is, so that one that hangs keeps back no other.
        """
        came: SimpleQueue[Future[R]] = SimpleQueue()
        group: list[R] = []
        left = 0
        for item in items:
            self._pool.submit(copy_context().run, act, item).add_done_callback(came.put)
            left += 1
        while left:
            try:
                group.append(came.get(timeout=PAUSE if group else None).result())
                left -= 1
            except Empty:
                yield group
                group = []
            if len(group) == most:
                yield group
                group = []
        if group:
            yield group

    def _take(self, cluster: str) -> None:
        with self._lock:
            if self._busy[cluster] >= self._each:
                pause = random.uniform(*CROWDED)  # noqa: S311 - spreads load
                raise NotYet(f"cluster {cluster} has {self._each} orders under way and has not answered yet", pause)
            self._busy[cluster] += 1

    def _give_back(self, cluster: str) -> None:
        with self._lock:
            self._busy[cluster] -= 1
            if not self._busy[cluster]:
                del self._busy[cluster]
