"""Commits of several threads in one transaction: whoever writes first writes for all that wait, with one sync."""

from __future__ import annotations

import copy
import sqlite3
from collections import deque
from collections.abc import Sequence

from shared.clients.sqlite.drafts import Draft
from shared.errors import Stale, Unavailable
from shared.ports.state import Batch


class Job:
    """Commits that one thread wants done, one after the other, up to the first that is `Stale`.

    `now` is in seconds since 1970, `retention` the seconds that what ages stays from then on. `over` says that what was
    to become of the job has: what was done of it is on disk, or `error` tells why nothing is.
    """

    def __init__(self, batches: Sequence[Batch], now: float, retention: float | None = None) -> None:
        self.batches = batches
        self.now = now
        self.over = False
        self.error: Exception | None = None
        self._expiry = None if retention is None else now + retention
        self._stale: Stale | None = None

    def add_to(self, draft: Draft) -> None:
        """Add what holds of the commits."""
        self._stale = next(filter(None, (draft.add(batch, self.now, self._expiry) for batch in self.batches)), None)

    def outcome(self) -> Stale | None:
        """Return what ended the commits early, if anything did, or raise why none was done."""
        if self.error is not None:
            raise self.error
        return self._stale


class Waiting:
    """The jobs that nobody has taken yet, in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def take(self) -> list[Job]:
        """Return all that wait now; called by one thread at a time."""
        return [self._jobs.popleft() for _ in range(len(self._jobs))]


def do(jobs: Sequence[Job], connection: sqlite3.Connection) -> None:
    """Do the jobs in an open transaction; raises what leaves nothing of it to be committed."""
    concerned = [write for job in jobs for writes, _ in job.batches for write in writes]
    draft = Draft(connection, concerned, max(job.now for job in jobs))
    for job in jobs:
        job.add_to(draft)
    draft.write()


def fail(jobs: Sequence[Job], error: BaseException) -> None:
    """Tell each thread that nothing of the transaction is on disk."""
    for job in jobs:
        job.error = _own(error)


def end(jobs: Sequence[Job]) -> None:
    """Tell each thread that what was to become of its job has."""
    for job in jobs:
        job.over = True


def _own(error: BaseException) -> Exception:
    """Return an exception that one thread may raise while others raise theirs."""
    if isinstance(error, Exception):
        return copy.copy(error)
    return Unavailable("the writing was interrupted: try again")
