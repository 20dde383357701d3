"""One SQLite file as one object per process: many readers, one writer, and a bell for new messages."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from shared.clients.sqlite import together
from shared.clients.sqlite.failures import explained, told
from shared.clients.sqlite.schema import STEPS, Step, migrate
from shared.errors import Unavailable

_WAL_BYTES: Final = 64 << 20
_CHECKPOINT_PAGES: Final = (_WAL_BYTES >> 1) // 4096
"""A page that is written again and again goes from the log to the database once in so many, not once in a thousand."""

_WRITER_CACHE_KIB: Final = 4 << 10
"""Holds what one transaction of a thousand writes touches, which otherwise goes to the log before its end."""

_READER_CACHE_KIB: Final = 64
"""Little: each commit voids what a reader has cached, and there may be as many readers as threads."""


class Database:
    """A file in WAL mode; threads read side by side and take turns to write.

    Two connections write, under one lock. State goes through the one with `synchronous=FULL`: after a commit neither a
    killed process nor a lost power supply takes it back. Claims and acknowledgements go through the one with
    `synchronous=NORMAL`: a lost power supply may take the newest of them back, which at-least-once delivery allows,
    and so they cost no wait for the disk. Either way the file stays consistent.
    """

    def __init__(self, path: Path, steps: Sequence[Step] = STEPS, patience: float = 5.0) -> None:
        self.path = path
        self._patience = patience
        self._turn = threading.RLock()
        self._waiting = together.Waiting()
        self._bell = threading.Condition()
        self._rung = 0
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        self._inherited: list[sqlite3.Connection] = []
        with explained(path):
            self._durable = self._connect("FULL")
            try:
                self._durable.execute("PRAGMA journal_mode = WAL")
                self._durable.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
                self._durable.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
                migrate(self._durable, path, steps)
                self._quick = self._connect("NORMAL")
            except BaseException:
                self._durable.close()
                raise

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Give the writing connection inside a transaction: all of it, or nothing if the block raises."""
        with self._turn, explained(self.path):
            self._check_open()
            connection = self._durable if durable else self._quick
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def write_together(self, job: together.Job) -> None:
        """Do a job in a durable transaction, and with it those of all threads that wait to write.

        When this returns the job is over. Any of the threads may have done it.
        """
        self._waiting.add(job)
        with self._turn:
            if not job.over:
                self._write_all(self._waiting.take())

    def _write_all(self, jobs: Sequence[together.Job]) -> None:
        """Write for all of them; what stops this thread alone is raised here, and is no reason for others to stop.

        A mistake in one is no reason for others to fail, either: where one is found, each is written for by itself.
        """
        try:
            with self.write() as connection:
                together.do(jobs, connection)
        except BaseException as error:
            if len(jobs) > 1 and isinstance(error, Exception) and not isinstance(error, Unavailable):
                for job in jobs:
                    self._write_all([job])
                return
            together.fail(jobs, error)
            if not isinstance(error, Exception):
                raise
        finally:
            together.end(jobs)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one snapshot of everything committed so far, and no one else uses meanwhile."""
        with explained(self.path):
            self._check_open()
            connection = self._reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._return(connection)

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return what one statement reads: it is its own snapshot, and by far the most are such."""
        self._check_open()
        try:
            connection = self._reader()
            try:
                return connection.execute(statement, values).fetchall()
            finally:
                self._return(connection)
        except sqlite3.Error as error:
            if failure := told(self.path, error):
                raise failure from error
            raise

    def ring(self) -> None:
        """Wake whoever waits: there may be a message to claim."""
        with self._bell:
            self._rung += 1
            self._bell.notify_all()

    def wait(self, seconds: float, since: int | None = None) -> int:
        """Sleep until the bell rings, at most `seconds`; return how often it has rung.

        Give that answer as `since` the next time, and no ring in between is missed.
        """
        with self._bell:
            heard = self._rung if since is None else since
            self._bell.wait_for(lambda: self._rung != heard, seconds)
            return self._rung

    def close(self) -> None:
        """Close every connection; whoever still holds this object is told `Unavailable`."""
        with _registry_lock, self._turn:
            self._closed = True
            if _registry.get(self.path) is self:
                del _registry[self.path]
            self._durable.close()
            self._quick.close()
            self._close_idle()

    def after_fork(self) -> None:
        """Connect anew in a forked process; what was inherited stays open and untouched (SQLite: "How To Corrupt")."""
        self._inherited += [self._durable, self._quick, *self._idle]
        self._idle.clear()
        self._turn, self._bell = threading.RLock(), threading.Condition()
        self._waiting = together.Waiting()
        self._durable, self._quick = self._connect("FULL"), self._connect("NORMAL")

    def _return(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable(f"the database {self.path} was closed: the process is stopping")

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._connect("NORMAL")
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
            return connection

    def _connect(self, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, self._patience, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        return connection


_registry: dict[Path, Database] = {}
_registry_lock = threading.Lock()


def _renew() -> None:
    for database in _registry.values():
        database.after_fork()


os.register_at_fork(after_in_child=_renew)


def open_database(path: str | os.PathLike[str], steps: Sequence[Step] = STEPS, patience: float = 5.0) -> Database:
    """Return this process's database for the file, made and migrated at first use.

    `patience` is how many seconds to wait for another process's lock. Raises `Unavailable` if the file cannot be
    used, `Misconfigured` if a newer release wrote it.
    """
    real = Path(path).resolve()
    with _registry_lock:
        if real not in _registry:
            _registry[real] = Database(real, steps, patience)
        return _registry[real]
