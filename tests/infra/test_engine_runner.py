from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.delivering import TICK, Outcome, read_answer
from infra.local.runner import LEASE, Runner
from infra.local.timer import Timer
from shared.clients.sqlite import Database, SqliteQueue, SqliteStore, open_database
from shared.edge.metrics import Metrics
from shared.model.messages import Depth, Message

EMPTY = Depth(ready=0, delayed=0, leased=0, dead=0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "state.sqlite")
    yield opened
    opened.close()


@contextmanager
def running(
    queue: SqliteQueue, deliver: Callable[[Message], Outcome], couriers: int = 4, lease: float = LEASE
) -> Iterator[Runner]:
    runner = Runner(queue, deliver, Metrics().count, couriers=couriers, lease=lease)
    runner.start()
    yield runner
    runner.stop(time.monotonic() + 5)


def send(database: Database, *names: str, function: str = "sync") -> None:
    SqliteStore(database).commit([], [Message(name, function, "do", {}) for name in names])


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_every_message_is_delivered_and_forgotten(database: Database) -> None:
    queue, names = SqliteQueue(database), [f"m{number:03}" for number in range(100)]
    delivered: list[str] = []

    def deliver(message: Message) -> Outcome:
        delivered.append(message.id)
        return Outcome("done")

    with running(queue, deliver):
        send(database, *names)
        until(lambda: queue.depth() == EMPTY)
    assert names == sorted(delivered)


def test_a_message_that_fails_for_good_is_a_dead_letter_with_the_last_reason(database: Database) -> None:
    queue = SqliteQueue(database, attempts=3, base=0.01)
    with running(queue, lambda _: Outcome("failed", "409: the experiment is gone")):
        send(database, "m")
        until(queue.dead)
    [letter] = queue.dead()
    assert (3, "409: the experiment is gone") == (letter.attempts, letter.reason)


def test_a_message_that_is_too_early_waits_as_long_as_it_was_told(database: Database) -> None:
    queue, times = SqliteQueue(database, attempts=2), list[float]()

    def deliver(_: Message) -> Outcome:
        times.append(time.monotonic())
        return Outcome("not_yet", "too early", 0.15) if len(times) < 4 else Outcome("done")

    with running(queue, deliver):
        send(database, "m")
        until(lambda: queue.depth() == EMPTY)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert 3 == len(pauses)
    assert all(0.14 < pause < 1 for pause in pauses)


def test_a_function_that_hangs_does_not_hold_up_the_others(database: Database) -> None:
    queue, gate = SqliteQueue(database), threading.Event()
    delivered: list[str] = []

    def deliver(message: Message) -> Outcome:
        if message.function == "sync":
            gate.wait(10)
        delivered.append(message.id)
        return Outcome("done")

    with running(queue, deliver):
        send(database, *(f"sync-{number}" for number in range(20)))
        send(database, "trigger", function="dispatch")
        until(lambda: delivered)
        assert ["trigger"] == delivered
        gate.set()
        until(lambda: queue.depth() == EMPTY)
    assert 21 == len(delivered)


def test_a_stopped_runner_finishes_what_it_began_and_leaves_the_rest(database: Database) -> None:
    queue, began = SqliteQueue(database), threading.Event()

    def deliver(_: Message) -> Outcome:
        began.set()
        time.sleep(0.2)
        return Outcome("done")

    with running(queue, deliver, couriers=2):
        send(database, "a", "b", "c")
        began.wait(5)
    depth = queue.depth()
    assert (0, 0) == (depth.leased, depth.dead)
    assert depth.ready >= 1


def test_a_delivery_that_fails_because_we_stop_uses_up_no_attempt(database: Database) -> None:
    queue, began = SqliteQueue(database, attempts=1), threading.Event()

    def deliver(_: Message) -> Outcome:
        began.set()
        time.sleep(0.2)
        return Outcome("failed", "no answer: connection refused")

    with running(queue, deliver):
        send(database, "m")
        began.wait(5)
    [claimed] = queue.receive(1, 60)
    assert 1 == claimed.attempts


def test_a_runner_outlives_a_store_that_is_away(database: Database) -> None:
    queue, delivered = SqliteQueue(database), threading.Event()

    def deliver(_: Message) -> Outcome:
        delivered.set()
        return Outcome("done")

    with running(queue, deliver) as runner:
        with database.write() as connection:
            connection.execute("ALTER TABLE message RENAME TO away")
        database.ring()
        time.sleep(0.05)
        with database.write() as connection:
            connection.execute("ALTER TABLE away RENAME TO message")
        assert runner.alive
        send(database, "m")
        assert delivered.wait(5)


def test_a_message_is_held_as_long_as_its_delivery_takes(database: Database) -> None:
    queue, ends = SqliteQueue(database), set[float]()

    def deliver(_: Message) -> Outcome:
        def held_on() -> bool:
            ends.update(database.rows("SELECT visible_at FROM message", ())[0])
            return len(ends) == 4

        until(held_on)
        return Outcome("done")

    with running(queue, deliver, lease=3.0):
        send(database, "m")
        until(lambda: queue.depth() == EMPTY)
    assert 4 == len(ends)


def test_a_runner_goes_on_holding_once_its_store_is_back(database: Database) -> None:
    queue, held = SqliteQueue(database), threading.Event()

    def deliver(_: Message) -> Outcome:
        first = database.rows("SELECT visible_at FROM message", ())
        with database.write() as connection:
            connection.execute("ALTER TABLE message RENAME TO away")
        time.sleep(0.5)
        with database.write() as connection:
            connection.execute("ALTER TABLE away RENAME TO message")
        until(lambda: database.rows("SELECT visible_at FROM message", ()) > first)
        held.set()
        return Outcome("done")

    with running(queue, deliver, lease=0.9):
        send(database, "m")
        assert held.wait(10)


def test_ticks_do_not_pile_up(database: Database) -> None:
    timer = Timer(SqliteStore(database), 0.01)
    timer.start()
    time.sleep(0.1)
    timer.stop()
    assert [TICK] == [claimed.message for claimed in SqliteQueue(database).receive(10, 60)]


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        pytest.param(204, {}, b"", Outcome("done"), id="no-content"),
        pytest.param(200, {}, b"{}", Outcome("done"), id="ok"),
        pytest.param(
            503,
            {"X-Not-Yet": "true", "Retry-After": "7"},
            b'{"detail": "not synced"}',
            Outcome("not_yet", "503: not synced", 7.0),
            id="too-early",
        ),
        pytest.param(
            503,
            {"X-Not-Yet": "true", "Retry-After": "0"},
            b'{"detail": "not synced"}',
            Outcome("not_yet", "503: not synced", 0.1),
            id="too-early-and-in-a-hurry",
        ),
        pytest.param(
            503,
            {"Retry-After": "5"},
            b'{"detail": "the git host is away"}',
            Outcome("failed", "503: the git host is away"),
            id="another-party-is-away",
        ),
        pytest.param(
            503,
            {"X-Not-Known": "true", "Retry-After": "300"},
            b'{"detail": "no action of this name"}',
            Outcome("failed", "503: no action of this name", 300.0),
            id="another-release-may-know",
        ),
        pytest.param(500, {}, b"<html>", Outcome("failed", "500: <html>"), id="no-problem-in-json"),
        pytest.param(404, {}, b"", Outcome("failed", "404: no reason was given"), id="no-body"),
        pytest.param(400, {}, b'["x"]', Outcome("failed", '400: ["x"]'), id="json-that-is-no-problem"),
        pytest.param(302, {"Location": "/"}, b"", Outcome("failed", "302: no reason was given"), id="a-redirect"),
    ],
)
def test_an_answer_says_what_becomes_of_the_message(
    status: int, headers: dict[str, str], body: bytes, expected: Outcome
) -> None:
    assert expected == read_answer(status, headers, body)


def test_a_long_reason_is_cut() -> None:
    assert 500 == len(read_answer(500, {}, b"x" * 5000).reason)
