"""Commits of many calls by one thread, as many at a time as wait; each call waits for its own until its time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Final

from shared.errors import Unavailable
from shared.ports.state import Batch, Store
from shared.services.deadlines import Overdue, Task

Told = Callable[[Exception | None], None]
"""Hears what came of a commit: None, or why it was not done."""

_MOST: Final = 32
"""Commits that may go on though nobody waits for them any more."""


class Intake:
    """Takes commits that hold whatever the store has by now, and that may be done twice: puts, under ids of their own.

    One thread writes, begun with the first of them. The more calls come, the more of them share a transaction, and the
    less each has to wait for its turn in the interpreter and for the disk.
    """

    def __init__(self, store: Store, most: int = _MOST) -> None:
        self._store = store
        self._overdue = Overdue(most)
        self._came: SimpleQueue[_Commit] = SimpleQueue()
        self._started = False
        self._starting = threading.Lock()

    def take(self, patience: float, batch: Batch, told: Told) -> None:
        """Return once `told` was called; raise `Late` after `patience` seconds, and then it is called later, or `Busy`.

        `Busy` says that the commit was not begun.
        """
        commit = _Commit(batch, told)
        self._overdue.begin(commit)
        self._came.put(commit)
        if not self._started:
            self._start()
        self._overdue.wait(commit, patience)

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="intake", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._do([self._came.get(), *self._waiting()])

    def _waiting(self) -> Iterator[_Commit]:
        """Yield what has come meanwhile."""
        try:
            while True:
                yield self._came.get_nowait()
        except Empty:
            return

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
            one.told(failure)
            self._overdue.end(one)


class _Commit(Task):
    __slots__ = ("batch", "told")

    def __init__(self, batch: Batch, told: Told) -> None:
        super().__init__()
        self.batch, self.told = batch, told
