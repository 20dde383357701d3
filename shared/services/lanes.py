"""How many orders one process sends at a time: in all, and to one cluster."""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, Generic, NoReturn, TypeVar

from shared.errors import NotYet

T = TypeVar("T")
R = TypeVar("R")

PAUSE: Final = 0.05
"""Seconds that a group waits for one more."""

FIRST: Final = 2
STEP: Final = 0.005
"""How many workers begin, and seconds after which as many more join them while nothing comes."""

CROWDED: Final = (1.0, 5.0)
"""Seconds after which an order is tried again that found its cluster's places taken."""


class _Line(Generic[T, R]):
    """Items that wait for any worker, and what became of those that were taken.

    `begin` starts a worker; a few begin at once, and up to `most` while nothing comes.
    """

    def __init__(self, act: Callable[[T], R], begin: Callable[[Callable[[], None]], object], most: int) -> None:
        self.left = 0
        self._act = act
        self._begin = begin
        self._most = most
        self._waiting: deque[T] = deque()
        self._workers = 0
        self._lock = threading.Lock()
        self._came: SimpleQueue[Callable[[], R]] = SimpleQueue()

    def add(self, item: T) -> None:
        """Have an item wait."""
        self.left += 1
        with self._lock:
            self._waiting.append(item)
            few = self._workers < FIRST
            self._workers += few
        if few:
            self._begin(self._work)

    def wait(self) -> list[R]:
        """Return what comes next, or raise what it raised; nothing if all who may are busy for a `PAUSE`."""
        while True:
            growing = self._waiting and self._workers < self._most
            if found := self.come(STEP if growing else PAUSE):
                return found
            if not growing:
                return []
            self._grow()

    def come(self, seconds: float = 0.0) -> list[R]:
        """Return one that came, if one does within so many seconds."""
        try:
            came = self._came.get(block=seconds > 0, timeout=seconds or None)
        except Empty:
            return []
        self.left -= 1
        return [came()]

    def _grow(self) -> None:
        with self._lock:
            more = min(len(self._waiting), self._workers, self._most - self._workers)
            self._workers += more
        for _ in range(more):
            self._begin(self._work)

    def _work(self) -> None:
        """Take one after the other until none waits."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._workers -= 1
                    return
                item = self._waiting.popleft()
            self._came.put(self._done(item))

    def _done(self, item: T) -> Callable[[], R]:
        try:
            found = self._act(item)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            return partial(_raise, error)
        return lambda: found


class Lanes:
    """Bounds on what is under way, so that a subscriber that hangs holds up few and the others none.

    `total` at a time, and `each` of them to one cluster. No thread is started before there is something to send.
    """

    def __init__(self, total: int = 32, each: int = 2) -> None:
        self._total = total
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

        A few begin while items are still being found, and twice as many go on where nothing came for a `STEP`: quick
        answers need no crowd. A group that does not fill within `PAUSE` is yielded as it is, so that one that hangs
        keeps back no other.
        """
        group: list[R] = []
        for came in self._outcomes(_Line(act, self._begin, self._total), items):
            group += came
            if len(group) == most or (group and not came):
                yield group
                group = []
        if group:
            yield group

    def _begin(self, work: Callable[[], None]) -> None:
        """Start a worker in the trace of whoever asked."""
        self._pool.submit(copy_context().run, work)

    def _outcomes(self, line: _Line[T, R], items: Iterable[T]) -> Iterator[list[R]]:
        for item in items:
            line.add(item)
            if came := line.come():
                yield came
        while line.left:
            yield line.wait()

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


def _raise(error: BaseException) -> NoReturn:
    raise error
