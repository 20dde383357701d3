from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.sqlite import Database, SqliteQueue, SqliteStore, open_database
from shared.model.messages import Message
from tests.clients.conformance.engines import ManualClock


class Parts:
    def __init__(self, database: Database) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(database, self.clock)
        self.queue = SqliteQueue(database, self.clock)

    def send(self, name: str, function: str = "sync", delay: float = 0.0) -> None:
        self.store.commit([], [Message(name, function, "do", {}, delay)])

    def received(self) -> list[str]:
        return [claimed.message.id for claimed in self.queue.receive(10, 60)]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    database = open_database(tmp_path / "state.sqlite")
    yield Parts(database)
    database.close()


def test_it_is_known_when_the_next_message_can_be_claimed(parts: Parts) -> None:
    assert parts.queue.due_in() is None
    parts.send("later", delay=9)
    assert 9.0 == parts.queue.due_in()
    parts.send("now", "dispatch")
    assert 0.0 == parts.queue.due_in()
    assert 9.0 == parts.queue.due_in(["dispatch"])


def test_a_message_that_is_queued_already_is_not_sent_twice(parts: Parts) -> None:
    parts.send("tick")
    parts.send("tick")
    assert ["tick"] == parts.received()


def test_the_longest_visible_message_comes_first(parts: Parts) -> None:
    for name in "cab":
        parts.send(name)
        parts.clock.advance(1)
    assert ["c", "a", "b"] == parts.received()


@pytest.mark.parametrize(
    ("attempt", "most"),
    [pytest.param(1, 0.5, id="first"), pytest.param(4, 4.0, id="fourth"), pytest.param(11, 300.0, id="eleventh")],
)
def test_the_pause_doubles_with_each_attempt_and_is_random_below_that(parts: Parts, attempt: int, most: float) -> None:
    parts.send("a")
    pauses = []
    for _ in range(40):
        [claimed] = parts.queue.receive(1, 60)
        for _ in range(attempt - claimed.attempts):
            parts.queue.nack(claimed, "again", 0)
            [claimed] = parts.queue.receive(1, 60)
        parts.queue.nack(claimed, "no")
        pauses.append(parts.queue.due_in() or 0.0)
        parts.clock.advance(most)
        [claimed] = parts.queue.receive(1, 60)
        parts.queue.ack(claimed)
        parts.send("a")
    assert max(pauses) <= most
    assert most * 0.6 < max(pauses)
    assert min(pauses) < most * 0.4


def test_the_twelfth_failure_is_the_last(parts: Parts) -> None:
    parts.send("a")
    attempts = []
    while claimed := parts.queue.receive(1, 60):
        attempts.append(claimed[0].attempts)
        parts.queue.nack(claimed[0], "no")
        parts.clock.advance(300)
    assert list(range(1, 13)) == attempts
