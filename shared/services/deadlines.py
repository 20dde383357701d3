"""Work that an answer waits for until its time is up, and no longer, whatever the store does."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
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


class Late(Unavailable):
    """The work is not done yet; it goes on."""


class Busy(Unavailable):
    """Too much work is overdue: this was not begun."""


class Task:
    """Something that is done for a call, by another thread. `ended` is held until it is `over`."""

    __slots__ = ("ended", "over")

    def __init__(self) -> None:
        self.ended = threading.Lock()
        self.ended.acquire()
        self.over = False


class Overdue:
    """Tasks that nobody waits for any more, of which at most `most` may go on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[Task] = set()

    def begin(self, task: Task) -> None:
        """Let a task be done, or raise `Busy`; whoever does it says so by `end`, whatever came of it."""
        if len(self._tasks) >= self._most:
            raise Busy("too many reviews wait for the store")
        _begun.add(task)

    def wait(self, task: Task, patience: float) -> None:
        """Return once the task is over, or raise `Late` after `patience` seconds; while others are late, it is less."""
        if not task.ended.acquire(timeout=max(0.0, min(patience, _SHORT) if self._tasks else patience)):
            self._tasks.add(task)
            if task.over:
                self._tasks.discard(task)
            raise Late("the store did not answer in time")
        task.ended.release()

    def end(self, task: Task) -> None:
        """Let whoever waits for a task go on."""
        task.over = True
        self._tasks.discard(task)
        _begun.discard(task)
        task.ended.release()


class Deadlines:
    """Work on threads of its own, of which at most `most` may go on though nobody waits for them any more.

    A thread is made where none is idle, so there are as many as calls at one time and `most` more.
    """

    def __init__(self, most: int = 32) -> None:
        self._overdue = Overdue(most)
        self._idle: deque[_Thread] = deque()

    def within(self, patience: float, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise what it raises; `Late` after `patience` seconds, `Busy` at once."""
        task = _Work(copy_context(), work)
        self._overdue.begin(task)
        self._thread().hand(task)
        self._overdue.wait(task, patience)
        if task.error is not None:
            raise task.error
        found: T = task.found
        return found

    def _thread(self) -> _Thread:
        """Return the thread that was busy last, since it is the readiest, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return _Thread(self._idle, self._overdue)


class _Work(Task):
    """Work in the context of its call, and what came of it."""

    __slots__ = ("_context", "_work", "error", "found")

    def __init__(self, context: Context, work: Callable[[], Any]) -> None:
        super().__init__()
        self._context, self._work = context, work
        self.found: Any = None
        self.error: BaseException | None = None

    def do(self) -> None:
        """Do the work, and keep what comes of it."""
        try:
            self.found = self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            self.error = error


class _Thread:
    """Does one task after the other; between them it is in `idle`."""

    __slots__ = ("_idle", "_overdue", "_task", "_told")

    def __init__(self, idle: deque[_Thread], overdue: Overdue) -> None:
        self._idle, self._overdue = idle, overdue
        self._told = threading.Lock()
        self._told.acquire()
        self._task: _Work | None = None
        threading.Thread(target=self._run, name="deadline", daemon=True).start()

    def hand(self, task: _Work) -> None:
        """Have it do a task; it must be idle."""
        self._task = task
        self._told.release()

    def _run(self) -> None:
        while True:
            self._told.acquire()
            task, self._task = self._task, None
            if task is not None:
                task.do()
                self._idle.append(self)
                self._overdue.end(task)
            del task


_begun: Final[set[Task]] = set()


@atexit.register
def _finish() -> None:
    """Let what was begun come to its end before the process does, whether or not somebody waits for it."""
    for task in list(_begun):
        with task.ended:
            pass


def patience(query: Mapping[str, str]) -> float:
    """Return the seconds in which to answer, from the time-out that an API server names in its call (`timeout=3s`)."""
    return _patience(query.get("timeout", ""))


@lru_cache(256)
def _patience(told: str) -> float:
    try:
        return min(LONGEST, _SHARE * seconds(told))
    except Invalid:
        return LONGEST
