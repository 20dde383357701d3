"""Work of several threads in one transaction: whoever writes first writes for all that wait, with one sync for all."""

from __future__ import annotations

import copy
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Job(Generic[T]):
    """What one thread wants written: `over` once that is on disk or has failed, which `error` tells."""

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._result: T
        self.over = False
        self.error: Exception | None = None

    def done(self, connection: sqlite3.Connection) -> None:
        """Do the work, alone in its transaction; raises what the work raises."""
        self._result = self._work(connection)

    def done_apart(self, connection: sqlite3.Connection) -> None:
        """Do the work among that of others: if it fails, it is taken back alone, unless SQLite took back all."""
        connection.execute("SAVEPOINT job")
        try:
            self._result = self._work(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO job")
            self.error = error
        connection.execute("RELEASE job")

    def outcome(self) -> T:
        """Return what the work returned, or raise why it was not done."""
        if self.error is not None:
            raise self.error
        return self._result


class Waiting:
    """The jobs that nobody has taken yet, in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: deque[Job[Any]] = deque()

    def add(self, work: Work[T]) -> Job[T]:
        """Queue a piece of work."""
        job = Job(work)
        self._jobs.append(job)
        return job

    def take(self) -> list[Job[Any]]:
        """Return all that wait now; called by one thread at a time."""
        return [self._jobs.popleft() for _ in range(len(self._jobs))]


def do(jobs: Sequence[Job[Any]], connection: sqlite3.Connection) -> None:
    """Do the jobs in an open transaction; raises what leaves nothing of it to be committed."""
    if len(jobs) == 1:
        jobs[0].done(connection)
        return
    for job in jobs:
        job.done_apart(connection)


def fail(jobs: Sequence[Job[Any]], error: BaseException) -> None:
    """Tell each thread that nothing of the transaction is on disk; those that failed by themselves know more."""
    for job in jobs:
        job.error = job.error or _own(error)


def end(jobs: Sequence[Job[Any]]) -> None:
    """Tell each thread that what was to become of its job has."""
    for job in jobs:
        job.over = True


def _own(error: BaseException) -> Exception:
    """Return an exception that one thread may raise while others raise theirs."""
    if isinstance(error, Exception):
        return copy.copy(error)
    return Unavailable("the writing was interrupted: try again")
