"""Commits of many calls by one thread, as many at a time as wait; each call waits for its own until its time is up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from shared.errors import Unavailable
from shared.ports.state import Batch, Store
from shared.services.deadlines import Overdue, Task

Told = Callable[[Exception | None], None]
"""Hears what came of a commit: None, or why it was not done."""

_MOST: Final = 32
"""Commits that may go on though nobody waits for them any more."""

_TOGETHER: Final = 10
"""Commits that one thread takes at a time: as many as SQLite does in one transaction."""

_SLOW: Final = 0.02
"""Seconds after which one more thread joins in."""

_WRITERS: Final = 8

_log = logging.getLogger("litmus_gitops.changes")


class Intake:
    """Takes commits that hold whatever the store has by now, and that may be done twice: puts, under ids of their own.

    One thread writes, begun with the first of them: the more calls come, the more of them share a transaction, and the
    less each has to wait for its turn in the interpreter and for the disk. Where a commit takes longer than `slow`
    seconds while others wait, as over a network, more threads join in, and leave once they are not needed.
    """

    def __init__(self, store: Store, most: int = _MOST, slow: float = _SLOW) -> None:
        self._store = store
        self._slow = slow
        self._overdue = Overdue(most)
        self._came: SimpleQueue[_Commit] = SimpleQueue()
        self._writers = 0
        self._begun = 0.0
        self._lock = threading.Lock()

    def take(self, patience: float, batch: Batch, told: Told) -> None:
        """Return once `told` was called; raise `Late` after `patience` seconds, and then it is called later, or `Busy`.

        `Busy` says that the commit was not begun.
        """
        commit = _Commit(batch, told)
        self._overdue.begin(commit)
        self._came.put(commit)
        if not self._writers or (self._came.qsize() > 1 and time.monotonic() - self._begun > self._slow):
            self._help()
        self._overdue.wait(commit, patience)

    def _help(self) -> None:
        with self._lock:
            if self._writers < _WRITERS:
                self._writers += 1
                first = self._writers == 1
                threading.Thread(target=self._run, args=(first,), name="intake", daemon=True).start()

    def _run(self, stays: bool) -> None:  # noqa: FBT001 - a thread's argument
        while True:
            commits = [self._came.get(), *self._waiting()]
            began = self._begun = time.monotonic()
            self._do(commits)
            if not stays and time.monotonic() - began < self._slow:
                with self._lock:
                    self._writers -= 1
                return

    def _waiting(self) -> Iterator[_Commit]:
        """Yield what has come meanwhile, as much of it as goes along."""
        with suppress(Empty):
            for _ in range(_TOGETHER - 1):
                yield self._came.get_nowait()

    def _do(self, commits: Sequence[_Commit]) -> None:
        """Do the commits; what is wrong with one is no reason for others to fail."""
        failure: Exception | None = None
        try:
            self._store.commit_each([one.batch for one in commits])
        except Exception as error:  # noqa: BLE001 - each call is told of it
            if len(commits) > 1 and not isinstance(error, Unavailable):
                for one in commits:
                    self._do([one])
                return
            failure = error
        for one in commits:
            self._end(one, failure)

    def _end(self, commit: _Commit, failure: Exception | None) -> None:
        try:
            commit.told(failure)
        except Exception:  # noqa: BLE001 - a writer outlives whatever hears of what it did
            _log.exception("what came of a commit was not heard")
        finally:
            self._overdue.end(commit)


class _Commit(Task):
    __slots__ = ("batch", "told")

    def __init__(self, batch: Batch, told: Told) -> None:
        super().__init__()
        self.batch, self.told = batch, told
