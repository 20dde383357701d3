"""PgBouncer in its transaction mode stands between, and nothing of ours may depend on a session."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql.place import read_place
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put
from tests import postgresql

pytestmark = [postgresql.needs_server(), postgresql.needs_pooler()]
KEY = Key("counter", "one")


@pytest.fixture
def pooled() -> Iterator[Database]:
    server = postgresql.server()
    pooler = postgresql.Pooler(server)
    server.execute("CREATE DATABASE pooled")
    pooler.start()
    database = Database(read_place(pooler.url().replace("/postgres", "/pooled")))
    yield database
    database.close()
    pooler.remove()
    server.execute("DROP DATABASE pooled WITH (FORCE)")


def test_commits_and_claims_work_through_a_pooler_and_leave_nothing_in_its_sessions(pooled: Database) -> None:
    store, queue = PostgresqlStore(pooled, utc_now), PostgresqlQueue(pooled, utc_now)

    def increment(lane: int) -> None:
        number = 0
        while number < 25:
            found = store.get(KEY)
            value, version = (int(found.value), found.version) if found else (0, ABSENT)
            message = Message(f"{lane}-{number}", "sync", "project", {})
            try:
                store.commit([Put(KEY, b"%d" % (value + 1), version), Put(Key("p", str(lane)), b"")], [message])
            except Stale:
                continue
            number += 1
            for claimed in queue.receive(1, 60):
                queue.ack(claimed)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(increment, lane) for lane in range(6)]:
            done.result()
    found = store.get(KEY)
    assert found is not None
    assert (b"150", 150, 0) == (found.value, found.version, queue.depth().leased)
    with psycopg.connect(**pooled.place.parameters, autocommit=True) as session:  # type: ignore[arg-type] # all are text
        assert ("0", "on") == tuple(session.execute(f"SHOW {name}").fetchone()[0] for name in SETTINGS)  # type: ignore[index]
        assert (0,) == session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()


SETTINGS = ("statement_timeout", "synchronous_commit")
