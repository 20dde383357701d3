from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql.failures import explained
from shared.clients.postgresql.place import read_place
from shared.clients.postgresql.statements import Statement
from shared.errors import Invalid, Misconfigured, Unavailable
from shared.model.messages import Message
from shared.model.records import Key, Put
from tests import postgresql

pytestmark = postgresql.needs_server()
KEY = Key("project", "shop")


@pytest.fixture
def hasty(url: str) -> Iterator[Database]:
    made = Database(read_place(url), patience=0.3)
    yield made
    made.close()


def failing(url: str) -> str:
    """Return the sentence that a store at this URL says."""
    database = Database(read_place(url))
    with pytest.raises(Unavailable) as failed:
        PostgresqlStore(database, utc_now).get(KEY)
    database.close()
    return str(failed.value)


def test_a_server_that_is_not_there_is_named_and_its_password_is_not() -> None:
    text = failing("postgresql://ada:secret@127.0.0.1:1/chaos")
    assert text.startswith("the database chaos at 127.0.0.1 does not answer: check that it runs, and its address")
    assert "secret" not in text


def test_a_user_who_is_refused_is_told_what_to_check() -> None:
    server = postgresql.server()
    rules = (server.folder / "data" / "pg_hba.conf").read_text()
    (server.folder / "data" / "pg_hba.conf").write_text(f"host all ada 127.0.0.1/32 scram-sha-256\n{rules}")
    server.execute("SELECT pg_reload_conf()")
    server.execute("CREATE ROLE ada LOGIN PASSWORD 'right'")
    try:
        text = failing(f"postgresql://ada:secret@127.0.0.1:{server.port}/postgres")
    finally:
        server.execute("DROP ROLE ada")
        (server.folder / "data" / "pg_hba.conf").write_text(rules)
        server.execute("SELECT pg_reload_conf()")
    assert "refuses this user: check user, password (PGPASSFILE) and pg_hba.conf" in text
    assert "secret" not in text


def test_a_database_that_does_not_exist_is_to_be_created() -> None:
    text = failing(f"postgresql://{postgresql.ROLE}@127.0.0.1:{postgresql.server().port}/chaos")
    assert "the database chaos at 127.0.0.1 does not exist: create it" in text


def test_a_database_in_another_encoding_is_refused() -> None:
    server = postgresql.server()
    server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    database = Database(read_place(f"postgresql://{postgresql.ROLE}@127.0.0.1:{server.port}/latin"))
    with pytest.raises(Misconfigured, match="does not keep UTF-8: create one with ENCODING 'UTF8'"):
        PostgresqlStore(database, utc_now).get(KEY)
    database.close()
    server.execute("DROP DATABASE latin")


def test_a_user_without_the_right_to_make_tables_is_told_so() -> None:
    server = postgresql.server()
    server.execute("CREATE ROLE guest LOGIN")
    text = failing(f"postgresql://guest@127.0.0.1:{server.port}/postgres")
    server.execute("DROP ROLE guest")
    assert "does not let this user do that" in text
    assert "permission denied for schema public" in text


def test_a_standby_is_named_as_one(url: str) -> None:
    text = failing(url + "%20-cdefault_transaction_read_only%3Don")
    assert "takes no writes, as a standby does: name the primary in STORE_URL" in text


def test_a_lock_that_somebody_keeps_is_unavailability_and_undoes_all(hasty: Database, url: str) -> None:
    store = PostgresqlStore(hasty, utc_now)
    store.commit([Put(KEY, b"1"), Put(Key("a", "a"), b"1")])
    with psycopg.connect(url) as other:
        other.execute("SELECT 1 FROM litmus_gitops_record WHERE sort = 'shop' FOR UPDATE")
        with pytest.raises(Unavailable, match="took too long over a statement"):
            store.commit([Put(Key("a", "a"), b"2"), Put(KEY, b"2")], [Message("m", "sync", "project", {})])
    assert {b"1"} == {record.value for record in store.get_many([KEY, Key("a", "a")]).values()}
    assert [] == PostgresqlQueue(hasty, utc_now).receive(1, 60)


def test_a_circle_of_waiting_that_others_make_is_gone_through_again(hasty: Database, url: str) -> None:
    """The other waits for longer than the server lets us, so that it is ours which is taken back, and done again."""
    patient = Database(hasty.place)
    store = PostgresqlStore(patient, utc_now)
    store.commit([Put(Key("p", "a"), b"1"), Put(Key("p", "b"), b"1")])
    with psycopg.connect(url) as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT 1 FROM litmus_gitops_record WHERE sort = 'b' FOR UPDATE")
        ours = threading.Thread(target=store.commit, args=([Put(Key("p", "a"), b"2"), Put(Key("p", "b"), b"2")],))
        ours.start()
        postgresql.waiting(lambda: blocked(patient), "our commit to wait")
        other.execute("SELECT 1 FROM litmus_gitops_record WHERE sort = 'a' FOR UPDATE")
        other.commit()
        ours.join()
    assert {b"2"} == {record.value for record in store.query("p")}
    patient.close()


def blocked(database: Database) -> bool:
    [found] = database.ask(Statement("SELECT 1 FROM pg_locks WHERE NOT granted"))
    return bool(found.rows)


def test_the_character_that_postgresql_does_not_keep_is_refused(hasty: Database) -> None:
    store = PostgresqlStore(hasty, utc_now)
    for key in (Key("p", "a\0b"), Key("p\0", "a")):
        with pytest.raises(Invalid, match="the character NUL"):
            store.get(key)
        with pytest.raises(Invalid, match="the character NUL"):
            store.commit([Put(key, b"")])
    store.commit([Put(KEY, b"\0")])


def test_a_reason_with_such_a_character_does_not_keep_a_message_from_dying(hasty: Database) -> None:
    PostgresqlStore(hasty, utc_now).commit([], [Message("m", "sync", "project", {"n": "\0"})])
    queue = PostgresqlQueue(hasty, utc_now, attempts=1)
    [claimed] = queue.receive(1, 60)
    queue.nack(claimed, "half\0open")
    assert [("half\ufffdopen", {"n": "\0"})] == [(one.reason, one.message.ids) for one in queue.dead()]


def test_our_own_mistake_in_sql_is_no_unavailability(hasty: Database) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        hasty.ask(Statement("SELEKT 1"))
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        hasty.ask(Statement("SELECT 'x'::integer"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(psycopg.errors.AdminShutdown, "is being stopped or started", id="shutdown"),
        pytest.param(psycopg.errors.DiskFull, "cannot grow because its disk is full: free some space", id="disk"),
        pytest.param(psycopg.errors.TooManyConnections, "has no connection left: raise max_connections", id="crowd"),
        pytest.param(psycopg.errors.CannotConnectNow, "is being stopped or started: wait until it is up", id="start"),
        pytest.param(psycopg.errors.DataCorrupted, "is damaged or met an error of its own", id="damage"),
        pytest.param(psycopg.errors.IoError, "reports an error of its machine", id="machine"),
    ],
)
def test_what_befalls_a_server_is_a_sentence(error: type[psycopg.Error], expected: str) -> None:
    with (
        pytest.raises(Unavailable, match=f"the database chaos at db {expected}.* \\(said so\\)$"),
        explained("chaos at db"),
    ):
        raise error("said so\nDETAIL: and more")
