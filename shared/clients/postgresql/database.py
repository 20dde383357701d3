"""One PostgreSQL database as one object per process: a few connections that threads share, and a bell for messages."""

from __future__ import annotations

import os
import random
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from shared.clients.postgresql.bell import Bell
from shared.clients.postgresql.failures import AGAIN, explained, lost
from shared.clients.postgresql.place import Place, read_place
from shared.clients.postgresql.schema import STEPS, Connection, Step, migrate
from shared.clients.postgresql.statements import Result, Statement
from shared.errors import Unavailable

Accept = Callable[[list[Result]], None]

CONNECTIONS: Final = 10
"""How many statements one process has done at a time; more threads wait their turn."""
_ATTEMPTS: Final = 8
_PAUSE: Final = 0.01
_LIMITS: Final = """SELECT set_config('statement_timeout', %s, true),
                           set_config('idle_in_transaction_session_timeout', %s, true)"""
_QUICK: Final = f"{_LIMITS}, set_config('synchronous_commit', 'off', true)"


class Database:
    """Connects at first use, and again whenever a connection was lost; tables are made or brought up to date then.

    State is written as the server has it (`synchronous_commit`): by default a commit outlives its crash. Claims and
    acknowledgements do not wait for its disk: a crash may take the newest of them back, which at-least-once delivery
    allows. Nothing is prepared, set for a session or kept in one, so that a pooler may stand between.
    """

    def __init__(
        self, place: Place, steps: Sequence[Step] = STEPS, patience: float = 10.0, connections: int = CONNECTIONS
    ) -> None:
        self.place = place
        self._steps = steps
        self._patience = patience
        self._connections = connections
        self._limit = str(int(patience * 1000))
        self._closed = False
        self._inherited: list[object] = []
        self._idle: deque[Connection] = deque()
        self._begin_process()

    def _begin_process(self) -> None:
        self._free = threading.BoundedSemaphore(self._connections)
        self._migrating = threading.Lock()
        self._migrated = False
        self.bell = Bell(self._connect)

    def ask(self, *statements: Statement, durable: bool = True, again: bool = True) -> list[Result]:
        """Do the statements in one transaction and one round trip.

        With `again` they are done once more where the connection was lost and nobody knows whether they were done.
        """
        return self._tried(lambda connection: self._asked(connection, statements, durable), again=again)

    def commit(self, statements: Sequence[Statement], accept: Accept) -> None:
        """Do the statements in one transaction, and make them count unless `accept`, given the results, raises."""
        self._tried(lambda connection: self._committed(connection, statements, accept), again=False)

    def close(self) -> None:
        """Close every connection; whoever still holds this object is told `Unavailable`."""
        with _registry_lock:
            for url in [url for url, one in _registry.items() if one is self]:
                del _registry[url]
        self.bell.close()
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def after_fork(self) -> None:
        """Connect anew in a forked process; what was inherited is the parent's, and stays untouched."""
        self._inherited += [*self._idle, self.bell]
        self._idle = deque()
        self._begin_process()

    def _tried(self, work: Callable[[Connection], list[Result]], *, again: bool) -> list[Result]:
        """Do the work; what the server took back, since others did the same, is done once more after a while."""
        for attempt in range(_ATTEMPTS):
            try:
                with explained(self.place.name):
                    return self._once(work, again=again)
            except AGAIN:
                time.sleep(random.uniform(0, _PAUSE * 2**attempt))  # noqa: S311 - spreads load, guards nothing
        raise Unavailable(f"the database {self.place.name} took a transaction back {_ATTEMPTS} times: too many collide")

    def _once(self, work: Callable[[Connection], list[Result]], *, again: bool) -> list[Result]:
        try:
            with self._lent() as connection:
                return work(connection)
        except psycopg.Error as error:
            if not (again and lost(error)):
                raise
        with self._lent() as connection:
            return work(connection)

    def _asked(self, connection: Connection, statements: Sequence[Statement], durable: bool) -> list[Result]:  # noqa: FBT001 - handed on
        """Between two syncs, the server takes everything for one transaction (PostgreSQL: "Pipelining")."""
        with connection.pipeline():
            connection.execute(_LIMITS if durable else _QUICK, (self._limit, self._limit))
            cursors = _sent(connection, statements)
        return [_result(cursor) for cursor in cursors]

    def _committed(self, connection: Connection, statements: Sequence[Statement], accept: Accept) -> list[Result]:
        with connection.pipeline() as pipeline:
            connection.execute("BEGIN")
            connection.execute(_LIMITS, (self._limit, self._limit))
            cursors = _sent(connection, statements)
            pipeline.sync()
            accept([_result(cursor) for cursor in cursors])
            connection.execute("COMMIT")
        return []

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """Give a connection that no one else uses meanwhile; one that ends up in any trouble is not used again."""
        free = self._free
        if not free.acquire(timeout=self._patience):
            raise Unavailable(f"all {self._connections} connections to the database {self.place.name} are in use")
        try:
            connection = self._found()
            try:
                yield connection
            finally:
                self._take_back(connection)
        finally:
            free.release()

    def _found(self) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if _silent(connection):
                return connection
            connection.close()
        connection = self._connect()
        try:
            with self._migrating:
                if not self._migrated:
                    migrate(connection, self.place.name, self._steps)
                    self._migrated = True
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_back(self, connection: Connection) -> None:
        with suppress(psycopg.Error):
            connection.rollback()
        if self._closed or connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> Connection:
        if self._closed:
            raise Unavailable(f"the database {self.place.name} was closed: the process is stopping")
        parameters: dict[str, Any] = dict(self.place.parameters)
        with explained(self.place.name):
            return psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)


def _sent(connection: Connection, statements: Sequence[Statement]) -> list[psycopg.Cursor[tuple[Any, ...]]]:
    return [connection.execute(one.sql, one.parameters, binary=True) for one in statements]


def _result(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Result:
    return Result(cursor.fetchall() if cursor.description else [], cursor.rowcount)


def _silent(connection: Connection) -> bool:
    """Return whether an idle connection is as we left it: a server that has something to say has ended it."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


_registry: dict[str, Database] = {}
_registry_lock = threading.Lock()


def _renew() -> None:
    global _registry_lock  # noqa: PLW0603 - the parent's other threads may have held it
    _registry_lock = threading.Lock()
    for database in _registry.values():
        database.after_fork()


os.register_at_fork(after_in_child=_renew)


def open_database(url: str, steps: Sequence[Step] = STEPS, patience: float = 10.0) -> Database:
    """Return this process's database for the URL; nothing is connected before it is used.

    `patience` is how many seconds a statement may take, and how long to wait for a free connection. Raises
    `Misconfigured` if the URL cannot be read.
    """
    with _registry_lock:
        if url not in _registry:
            _registry[url] = Database(read_place(url), steps, patience)
        return _registry[url]
