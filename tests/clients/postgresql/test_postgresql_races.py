"""What only a server of many processes can get wrong: circles of waiting, skewed decisions, connections cut."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql.statements import Statement
from shared.errors import NotFound, Stale, Unavailable
from shared.model.messages import Message
from shared.model.records import ABSENT, Check, Delete, Key, Put, Write
from tests import postgresql

pytestmark = postgresql.needs_server()
ROOT = Path(__file__).parents[3]
A, B = Key("p", "a"), Key("p", "b")
COUNTER = Key("counter", "one")


def deadlocks(database: Database) -> int:
    """Return how many circles of waiting the server has had to break."""
    database.ask(Statement("SELECT pg_stat_force_next_flush()"))
    [found] = database.ask(Statement("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
    number: int = found.rows[0][0]
    return number


def at_once(*works: Callable[[], None]) -> list[bool]:
    """Do the works side by side; return of each whether it came through, rather than being too late."""
    together = threading.Barrier(len(works))

    def done(work: Callable[[], None]) -> bool:
        together.wait()
        try:
            work()
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(done, works))


def test_commits_that_name_the_same_records_in_opposite_orders_do_not_wait_in_a_circle(
    database: Database, store: PostgresqlStore
) -> None:
    before = deadlocks(database)
    keys = [Key("p", f"{number:02}") for number in range(20)]
    sent = [Message(f"m{number}", "sync", "project", {}) for number in range(5)]

    def write(order: int) -> None:
        for _ in range(25):
            store.commit([Put(key, b"x") for key in keys[::order]], sent[::order])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, order) for order in (1, -1, 1, -1)]:
            done.result()
    assert before == deadlocks(database)
    assert {100} == {record.version for record in store.query("p")}


def test_messages_that_are_sent_in_opposite_orders_do_not_wait_in_a_circle(
    database: Database, store: PostgresqlStore
) -> None:
    before = deadlocks(database)
    for number in range(20):
        sent = [Message(f"m{number}-{one:02}", "sync", "project", {}) for one in range(30)]
        assert [True, True] == at_once(partial(store.commit, [], sent), partial(store.commit, [], sent[::-1]))
    assert before == deadlocks(database)
    assert 600 == PostgresqlQueue(database, utc_now).depth().ready


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        pytest.param([Check(A, ABSENT), Put(B, b"")], [Check(B, ABSENT), Put(A, b"")], [A, B], id="absence"),
        pytest.param([Delete(A, ABSENT), Put(B, b"")], [Check(B, ABSENT), Put(A, b"")], [A, B], id="known-absence"),
        pytest.param([Delete(A), Put(B, b"")], [Put(A, b""), Check(B, ABSENT)], [A, B], id="deletion-of-anything"),
    ],
)
def test_decisions_that_exclude_each_other_are_never_both_taken(
    store: PostgresqlStore, one: list[Write], other: list[Write], both: list[Key]
) -> None:
    for _ in range(60):
        won = at_once(partial(store.commit, one), partial(store.commit, other))
        assert any(won)
        assert list(store.get_many(both)) != both
        store.commit([Delete(key) for key in both])


def test_a_version_that_is_checked_stays_until_the_commit_took_effect(store: PostgresqlStore) -> None:
    for _ in range(60):
        store.commit([Put(A, b"free"), Put(B, b"free")])
        a, b = store.get_many([A, B])[A].version, store.get_many([A, B])[B].version
        won = at_once(
            partial(store.commit, [Check(A, a), Put(B, b"taken", b)]),
            partial(store.commit, [Check(B, b), Put(A, b"taken", a)]),
        )
        assert [False, True] == sorted(won)


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
INCREMENTING = """
import sys
from shared.clients.opening import open_store
from shared.errors import Stale
from shared.model.records import ABSENT, Key, Put

store, key, done = open_store(sys.argv[1]), Key("counter", "one"), 0
sys.stdin.readline()
while done < 100:
    found = store.get(key)
    value, version = (int(found.value), found.version) if found else (0, ABSENT)
    try:
        store.commit([Put(key, b"%d" % (value + 1), version)])
        done += 1
    except Stale:
        pass
"""


def test_two_processes_that_read_again_when_stale_lose_no_update(url: str, store: PostgresqlStore) -> None:
    command = [sys.executable, "-c", INCREMENTING, url]
    racing = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [(0, ""), (0, "")] == [(one.wait(), errors) for one in racing for _, errors in [one.communicate("go\n")]]
    found = store.get(COUNTER)
    assert found is not None
    assert (b"200", 200) == (found.value, found.version)


def test_connections_that_are_cut_at_any_moment_cost_no_update_and_double_none(
    database: Database, store: PostgresqlStore
) -> None:
    """Each value is written under a name of its own, so that it is known afterwards which of the unanswered counted."""
    chance, over, names = random.Random(7), threading.Event(), list[tuple[str, bool]]()  # noqa: S311 - no secret

    def write(lane: int) -> None:
        for number in range(60):
            name, answered = f"{lane}-{number}", True
            try:
                store.commit([Put(Key("p", name), b"", ABSENT)], [Message(name, "sync", "project", {})])
            except Unavailable:
                answered = False
            names.append((name, answered))

    def trouble() -> None:
        while not over.wait(chance.uniform(0.001, 0.02)):
            postgresql.server().execute(CUT, "litmus-gitops")

    with ThreadPoolExecutor(5) as pool:
        troubling = pool.submit(trouble)
        for lane in [pool.submit(write, lane) for lane in range(4)]:
            lane.result()
        over.set()
        troubling.result()
    kept = {record.key.sort for record in store.query("p", limit=1000)}
    sent = {claimed.message.id for claimed in PostgresqlQueue(database, utc_now).receive(1000, 60)}
    assert kept == sent
    assert {name for name, answered in names if answered} <= kept
    assert any(not answered for _, answered in names)


def test_a_dead_letter_is_sent_again_once_however_many_ask_for_it(database: Database, store: PostgresqlStore) -> None:
    queue = PostgresqlQueue(database, utc_now, attempts=1)
    for number in range(15):
        store.commit([], [Message(f"m{number}", "sync", "project", {})])
        [claimed] = queue.receive(1, 60)
        queue.nack(claimed, "no")
        assert [False, True] == sorted(at_once(*[partial(redriven, queue, f"m{number}")] * 2))
        [again] = queue.receive(5, 60)
        queue.ack(again)


def redriven(queue: PostgresqlQueue, name: str) -> None:
    try:
        queue.redrive(name)
    except NotFound as error:
        raise Stale(str(error)) from error
