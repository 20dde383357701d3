"""The engines that the suite holds to `ports.Store` and `ports.Queue`: add a factory, and every test runs on it."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

import pytest

from shared.clients.dynamodb import DynamoQueue, DynamoStore
from shared.clients.opening import utc_now
from shared.clients.postgresql import PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql import open_database as open_postgresql
from shared.clients.sqlite import Database, SqliteQueue, SqliteStore, open_database
from shared.ports.state import Queue, Store
from tests import aws, postgresql

ATTEMPTS = 3
"""After how many attempts a message is dead, on every engine under test."""
LONGEST_BACKOFF = 10.0
"""The cap on a pause between attempts, in seconds, on every engine under test."""
RETENTION = 3600.0
"""How many seconds a record stays that ages, on every engine under test."""


@dataclass
class ManualClock:
    """A clock that stands still until a test moves it."""

    now: datetime = field(default_factory=lambda: datetime(2100, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Engine(Protocol):
    """A fresh, empty engine: `address` tells another process how to open the same data."""

    clock: ManualClock
    store: Store
    queue: Queue
    address: tuple[str, ...]
    costs: ClassVar[int]
    """How many times fewer histories are tried of it, because each step takes longer."""

    def end(self) -> None:
        """Let go of the data, as a process that ends; `store` and `queue` are of no use until `reopen`."""
        ...

    def reopen(self) -> None:
        """End and open again, as a restarted process would; `store` and `queue` are new objects afterwards."""
        ...

    def close(self) -> None:
        """End, and remove the data."""
        ...


class SqliteEngine:
    costs: ClassVar = 1

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self._path = Path(self._folder.name) / "state.sqlite"
        self.address = ("sqlite", str(self._path))
        self._open()

    def _open(self) -> None:
        self._database: Database = open_database(self._path)
        self.store: Store = SqliteStore(self._database, self.clock, RETENTION)
        self.queue: Queue = SqliteQueue(self._database, self.clock, attempts=ATTEMPTS, base=1.0, cap=LONGEST_BACKOFF)

    def end(self) -> None:
        self._database.close()

    def reopen(self) -> None:
        self.end()
        self._open()

    def close(self) -> None:
        self.end()
        self._folder.cleanup()


class PostgresqlEngine:
    costs: ClassVar = 2

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._server = postgresql.server()
        self._schema = self._server.new_schema()
        self._url = self._server.url(self._schema)
        self.address = ("postgresql", self._url)
        self._open()

    def _open(self) -> None:
        self._database = open_postgresql(self._url)
        self.store: Store = PostgresqlStore(self._database, self.clock, RETENTION)
        self.queue: Queue = PostgresqlQueue(self._database, self.clock, ATTEMPTS, base=1.0, cap=LONGEST_BACKOFF)

    def end(self) -> None:
        self._database.close()

    def reopen(self) -> None:
        self.end()
        self._open()

    def close(self) -> None:
        self.end()
        self._server.drop_schema(self._schema)


class MotoEngine:
    costs: ClassVar = 10
    double: ClassVar = "moto"
    functions: ClassVar = ("dispatch", "f", "reconcile", "sync")

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._at, self._table = aws.double(self.double), f"conformance-{uuid.uuid4()}"
        aws.create(self._at, self._table, self.functions)
        self.address = ("dynamodb", self._at.name, self._at.endpoint, self._table)
        self.reopen()

    def end(self) -> None:
        """Nothing is held of the data."""

    def reopen(self) -> None:
        parts = aws.aws(self._at, self._table)
        self.store: Store = DynamoStore(parts.table, parts.alarms, self.clock, RETENTION)
        self.queue: Queue = DynamoQueue(parts.table, parts.alarms, self.clock, ATTEMPTS, 1.0, LONGEST_BACKOFF)

    def close(self) -> None:
        aws.remove(self._at, self._table, self.functions)


class MinistackEngine(MotoEngine):
    double: ClassVar = "ministack"


def sqlite_store(path: str) -> Store:
    return SqliteStore(open_database(path))


def postgresql_store(url: str) -> Store:
    return PostgresqlStore(open_postgresql(url), utc_now)


def dynamodb_store(name: str, endpoint: str, table: str) -> Store:
    parts = aws.aws(aws.Double(name, endpoint), table)
    return DynamoStore(parts.table, parts.alarms, utc_now)


ENGINES = [
    pytest.param(SqliteEngine, id="sqlite"),
    pytest.param(PostgresqlEngine, id="postgresql", marks=postgresql.needs_server()),
    pytest.param(MotoEngine, id="dynamodb-moto"),
    pytest.param(MinistackEngine, id="dynamodb-ministack"),
]
STORES_ELSEWHERE: dict[str, Callable[..., Store]] = {
    "sqlite": sqlite_store,
    "postgresql": postgresql_store,
    "dynamodb": dynamodb_store,
}


def open_elsewhere(kind: str, *address: str) -> Store:
    """Open, in another process and on the real time, the store of an engine by its `address`."""
    return STORES_ELSEWHERE[kind](*address)
