from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlStore, open_database
from tests import postgresql


@pytest.fixture
def url() -> Iterator[str]:
    server = postgresql.server()
    schema = server.new_schema()
    yield server.url(schema)
    server.drop_schema(schema)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = open_database(url)
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> PostgresqlStore:
    return PostgresqlStore(database, utc_now)
