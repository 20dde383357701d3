from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.clients.sqlite import Database, SqliteStore, open_database
from shared.clients.sqlite.together import Job
from shared.errors import Stale, Unavailable
from shared.model.records import ABSENT, Check, Key, Put, Write
from shared.ports.state import Batch

THREADS = 8
_FRAME = 24 + 4096
_HEADER = 32


class Clock:
    """Counts the commits that are about to wait for their turn."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        return datetime.now(UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_database(tmp_path / "state.sqlite")
    yield found
    found.close()


def transactions(database: Database) -> int:
    """Return how many commits are in the WAL: each ends with a frame that tells the database's size."""
    wal = database.path.with_name(database.path.name + "-wal").read_bytes()
    starts = range(_HEADER, len(wal) - _FRAME + 1, _FRAME)
    return sum(1 for at in starts if struct.unpack_from(">I", wal, at + 4)[0])


def at_once(database: Database, writes: list[list[Write]]) -> list[Future[None]]:
    """Commit each from a thread of its own, all of which wait for the same turn."""
    clock = Clock()
    store = SqliteStore(database, clock)
    with ThreadPoolExecutor(len(writes)) as pool:
        with database.write():
            jobs = [pool.submit(store.commit, one) for one in writes]
            while clock.asked < len(writes):
                time.sleep(0.01)
            time.sleep(0.1)
        return jobs


def key(number: int) -> Key:
    return Key("project", f"p{number}")


def test_threads_that_wait_for_one_turn_share_a_transaction(database: Database) -> None:
    before = transactions(database)
    jobs = at_once(database, [[Put(key(number), b"x", ABSENT)] for number in range(THREADS)])
    assert [None] * THREADS == [job.result() for job in jobs]
    assert THREADS == len(SqliteStore(database).query("project"))
    assert transactions(database) - before < THREADS


def test_a_commit_that_is_stale_is_undone_alone(database: Database) -> None:
    good: list[list[Write]] = [[Put(key(number), b"x", ABSENT)] for number in range(THREADS)]
    bad: list[Write] = [Put(Key("project", "stale"), b"x", ABSENT), Check(Key("project", "nothing"), 7)]
    jobs = at_once(database, [*good[:4], bad, *good[4:]])
    with pytest.raises(Stale, match="nothing is at version 0, not 7"):
        jobs[4].result()
    assert [None] * THREADS == [job.result() for number, job in enumerate(jobs) if number != 4]
    assert [f"p{number}" for number in range(THREADS)] == [
        one.key.sort for one in SqliteStore(database).query("project")
    ]


def test_of_those_that_want_the_same_version_in_one_transaction_one_gets_it(database: Database) -> None:
    jobs = at_once(database, [[Put(key(0), b"%d" % number, ABSENT)] for number in range(THREADS)])
    errors = [job.exception() for job in jobs]
    assert [None] == [error for error in errors if not isinstance(error, Stale)]
    winner = errors.index(None)
    found = SqliteStore(database).get(key(0))
    assert found is not None
    assert (b"%d" % winner, 1) == (found.value, found.version)


def test_threads_that_race_lose_no_update(database: Database) -> None:
    store = SqliteStore(database)
    store.commit([Put(key(0), b"0")])

    def add(_: int) -> None:
        for _ in range(1000):
            was = store.get(key(0))
            assert was is not None
            try:
                store.commit([Put(key(0), b"%d" % (int(was.value) + 1), was.version)])
            except Stale:
                continue
            return
        raise AssertionError

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add, range(100)))
    found = store.get(key(0))
    assert found is not None
    assert b"100" == found.value


def test_what_fails_for_all_is_told_to_each_and_leaves_nothing(database: Database) -> None:
    with database.write() as connection:
        connection.execute("PRAGMA max_page_count = 1")
    jobs = at_once(database, [[Put(key(number), b"x" * 100_000)] for number in range(THREADS)])
    errors = [job.exception() for job in jobs]
    assert [Unavailable] * THREADS == [type(error) for error in errors]
    assert THREADS == len(set(map(id, errors)))
    assert [] == SqliteStore(database).query("project")


def test_a_mistake_in_one_commit_is_no_failure_of_others(database: Database) -> None:
    good: list[list[Write]] = [[Put(key(number), b"x", ABSENT)] for number in range(THREADS)]
    jobs = at_once(database, [*good[:4], [Put(Key("project", "\ud800"), b"x")], *good[4:]])
    assert [UnicodeEncodeError] == [type(error) for job in jobs if (error := job.exception())]
    assert THREADS == len(SqliteStore(database).query("project"))


class Interrupted(list[Batch]):
    """Commits that are stopped by the user."""

    def __iter__(self) -> Iterator[Batch]:
        raise KeyboardInterrupt


def test_an_interrupted_thread_leaves_no_other_waiting(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt):
        database.write_together(Job(Interrupted(), 0.0))
    SqliteStore(database).commit([Put(key(1), b"x")])
    assert 1 == len(SqliteStore(database).query("project"))
