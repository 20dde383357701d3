"""How many orders one process sends at a time: in all, and to one cluster."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from shared.errors import NotYet

T = TypeVar("T")
R = TypeVar("R")


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

    def each(self, act: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return what `act` returns for each item, done side by side."""
        return list(self._pool.map(act, items))

    def _take(self, cluster: str) -> None:
        with self._lock:
            if self._busy[cluster] >= self._each:
                raise NotYet(f"cluster {cluster} has {self._each} orders under way and has not answered yet", 1.0)
            self._busy[cluster] += 1

    def _give_back(self, cluster: str) -> None:
        with self._lock:
            self._busy[cluster] -= 1
            if not self._busy[cluster]:
                del self._busy[cluster]
