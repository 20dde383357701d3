from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.clients.sqlite import Database, SqliteStore, open_database
from shared.clients.sqlite.schema import STEPS
from shared.clients.sqlite.statements import listing, looking_up
from shared.errors import Misconfigured, Unavailable
from shared.model.messages import Message
from shared.model.records import Key, Put, Record

KEY = Key("project", "shop")
ONE_MORE_STEP = (*STEPS, ("ALTER TABLE record ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",))


@contextmanager
def opened(path: Path, patience: float = 5.0) -> Iterator[Database]:
    database = open_database(path, patience=patience)
    try:
        yield database
    finally:
        database.close()


def number_of(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return number


def test_one_file_is_one_object_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(tmp_path)
    with opened(tmp_path / "state.sqlite") as database:
        assert database is open_database(str(tmp_path / "state.sqlite"))
        assert database is open_database(tmp_path / "alias" / "state.sqlite")
        assert database is open_database(os.path.relpath(tmp_path / "state.sqlite"))


def test_threads_that_open_at_once_get_one_object(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: open_database(tmp_path / "state.sqlite"), range(16)))
    assert 1 == len(found)
    found.pop().close()


def test_a_file_survives_its_object(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as first:
        SqliteStore(first).commit([Put(KEY, b"1")])
    with opened(tmp_path / "state.sqlite") as second:
        assert second is not first
        assert Record(KEY, b"1", 1) == SqliteStore(second).get(KEY)


def test_a_closed_database_says_that_the_process_is_stopping(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        store = SqliteStore(database)
    with pytest.raises(Unavailable, match="was closed: the process is stopping"):
        store.get(KEY)
    with pytest.raises(Unavailable, match="was closed: the process is stopping"):
        store.commit([Put(KEY, b"1")])


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database, database.write() as connection:
        assert ("wal", 2) == (
            connection.execute("PRAGMA journal_mode").fetchone()[0],
            connection.execute("PRAGMA synchronous").fetchone()[0],
        )


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "state.sqlite") as database,
        pytest.raises(Unavailable, match="cannot be written"),
        database.read() as connection,
    ):
        connection.execute("DELETE FROM record")


def write_half(database: Database) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO record VALUES (1, 'project', 'shop', 1, NULL, x'00')")
        raise RuntimeError("halfway")


def test_an_error_inside_a_transaction_undoes_it_and_the_next_one_works(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        with pytest.raises(RuntimeError, match="halfway"):
            write_half(database)
        store = SqliteStore(database)
        assert store.get(KEY) is None
        store.commit([Put(KEY, b"1")])
        assert Record(KEY, b"1", 1) == store.get(KEY)


def test_a_file_of_an_earlier_version_is_migrated_in_place(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with opened(path) as database:
        SqliteStore(database).commit([Put(KEY, b"1")], [Message("m", "sync", "project", {})])
    assert len(STEPS) == number_of(path)
    database = open_database(path, steps=ONE_MORE_STEP)
    assert Record(KEY, b"1", 1) == SqliteStore(database).get(KEY)
    with database.read() as connection:
        assert [("shop", "none")] == connection.execute("SELECT sort, note FROM record").fetchall()
    database.close()
    assert len(ONE_MORE_STEP) == number_of(path)


@pytest.mark.parametrize("taken", range(1, len(STEPS)))
def test_what_an_earlier_release_stored_is_all_there(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "state.sqlite"
    open_database(path, steps=STEPS[:taken]).close()
    rows = [(f"p{number % 7}", f"{number:04}", bytes(number), number + 1) for number in range(300)]
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO record (partition, sort, value, version) VALUES (?, ?, ?, ?)", rows)
    connection.close()
    with opened(path) as database:
        store = SqliteStore(database)
        found = [record for number in range(7) for record in store.query(f"p{number}")]
        assert {(*key, value, version) for *key, value, version in rows} == {
            (one.key.partition, one.key.sort, one.value, one.version) for one in found
        }
        store.commit([Put(found[0].key, b"new", found[0].version)])
    assert len(STEPS) == number_of(path)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        pytest.param(*looking_up([KEY, KEY], "version", 0.0)[0], id="keys"),
        pytest.param(*listing(["project", "cluster"], 1, 0.0)[0], id="partitions"),
    ],
)
def test_keys_are_found_by_their_index_and_no_table_is_scanned(
    tmp_path: Path, statement: str, values: list[object]
) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        plan = [row[-1] for row in database.rows(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert [] == [step for step in plan if step.startswith("SCAN record")]
    assert any("record_by_key" in step for step in plan)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with opened(path) as database:
        SqliteStore(database).commit([Put(KEY, b"1")])
    broken = (*STEPS, (ONE_MORE_STEP[-1][0], "ALTER TABLE absent ADD COLUMN note TEXT"))
    with pytest.raises(sqlite3.OperationalError, match="no such table: absent"):
        open_database(path, steps=broken)
    assert len(STEPS) == number_of(path)
    database = open_database(path, steps=ONE_MORE_STEP)
    assert Record(KEY, b"1", 1) == SqliteStore(database).get(KEY)
    database.close()


def test_processes_that_open_a_new_file_at_once_migrate_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from shared.clients.sqlite import *; open_database(sys.argv[1])"]
    children = [subprocess.Popen([*command, str(tmp_path / "state.sqlite")]) for _ in range(4)]
    assert [0, 0, 0, 0] == [child.wait(20) for child in children]
    assert len(STEPS) == number_of(tmp_path / "state.sqlite")


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    open_database(path, steps=ONE_MORE_STEP).close()
    with pytest.raises(Misconfigured, match="schema version 4 and this release knows 3: start the newer release"):
        open_database(path)
    assert len(ONE_MORE_STEP) == number_of(path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"these are no pages of ours" * 100)
    with pytest.raises(Unavailable, match=r"state\.sqlite is no SQLite database"):
        open_database(path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"nowhere/state\.sqlite cannot be opened: check that its folder exists"):
        open_database(tmp_path / "nowhere" / "state.sqlite")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with opened(path) as database:
        SqliteStore(database).commit([Put(Key("p", f"{n:03}"), b"x" * 3000) for n in range(100)])
    pages = bytearray(path.read_bytes())
    pages[4096:] = b"\xa5" * len(pages[4096:])
    path.write_bytes(pages)
    with opened(path) as database, pytest.raises(Unavailable, match="is damaged: stop"):
        SqliteStore(database).query("p")


def test_another_process_that_holds_the_lock_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with opened(path, patience=0.05) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="is locked by another process"):
            SqliteStore(database).commit([Put(KEY, b"1")])
        other.execute("ROLLBACK")
        other.close()
        SqliteStore(database).commit([Put(KEY, b"1")])


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        store = SqliteStore(database)
        store.commit([Put(KEY, b"1")])
        with database.write() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Unavailable, match="cannot grow because the disk is full"):
            store.commit([Put(KEY, b"2"), Put(Key("p", "large"), b"x" * 100_000)])
        assert Record(KEY, b"1", 1) == store.get(KEY)
        store.commit([Put(KEY, b"2")])


def test_our_own_mistake_in_sql_is_no_unavailability(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "state.sqlite") as database,
        pytest.raises(sqlite3.OperationalError, match="syntax error"),
        database.read() as connection,
    ):
        connection.execute("SELEKT 1")


def test_a_message_wakes_who_waits(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        started = time.monotonic()
        timer = threading.Timer(0.05, SqliteStore(database).commit, [[], [Message("m", "sync", "project", {})]])
        timer.start()
        database.wait(10)
        assert 0.04 < time.monotonic() - started < 2
        timer.join()


def test_a_message_between_two_waits_is_not_missed(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        heard = database.wait(0)
        SqliteStore(database).commit([], [Message("m", "sync", "project", {})])
        assert heard + 1 == database.wait(10, heard)


def test_a_commit_without_messages_wakes_nobody(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        heard = database.wait(0)
        SqliteStore(database).commit([Put(KEY, b"1")])
        assert heard == database.wait(0.01, heard)


def test_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    with opened(tmp_path / "state.sqlite") as database:
        store = SqliteStore(database)
        store.commit([Put(KEY, b"1")])
        with database.write() as connection, ThreadPoolExecutor(4) as pool:
            connection.execute("DELETE FROM record")
            assert [Record(KEY, b"1", 1)] * 8 == list(pool.map(store.get, [KEY] * 8))
        assert store.get(KEY) is None
