"""What engines promise beyond `ports.Queue` whose messages a process of their own delivers (`ports.Wakeful`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest

from shared.model.messages import Message
from shared.ports.state import Wakeful
from tests import postgresql
from tests.clients.conformance.engines import Engine, PostgresqlEngine, SqliteEngine

LEASE = 60.0


ENGINES = [
    pytest.param(SqliteEngine, id="sqlite"),
    pytest.param(PostgresqlEngine, id="postgresql", marks=postgresql.needs_server()),
]


@pytest.fixture(params=ENGINES)
def wakeful(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = cast("Callable[[], Engine]", request.param)()
    yield made
    made.close()


@pytest.fixture
def queue(wakeful: Engine) -> Wakeful:
    return cast("Wakeful", wakeful.queue)


def send(engine: Engine, *names: str) -> None:
    engine.store.commit([], [Message(name, "sync", "project", {}) for name in names])


def test_a_message_that_is_held_on_to_does_not_come_again_until_nobody_does(wakeful: Engine, queue: Wakeful) -> None:
    send(wakeful, "a", "b")
    claims = queue.receive(10, LEASE)
    for _ in range(3):
        wakeful.clock.advance(LEASE - 1)
        queue.keep(claims, LEASE)
        assert [] == queue.receive(10, LEASE)
    queue.ack(claims[0])
    wakeful.clock.advance(LEASE)
    [again] = queue.receive(10, LEASE)
    assert (claims[1].message, 2) == (again.message, again.attempts)


def test_one_who_let_a_lease_end_cannot_hold_on_to_what_another_has(wakeful: Engine, queue: Wakeful) -> None:
    send(wakeful, "a")
    late = queue.receive(1, LEASE)
    wakeful.clock.advance(LEASE)
    [second] = queue.receive(1, 5.0)
    queue.keep(late, LEASE)
    wakeful.clock.advance(5.0)
    [third] = queue.receive(1, LEASE)
    assert 3 == len({late[0].receipt, second.receipt, third.receipt})


def test_what_is_done_is_not_there_again_for_being_held_on_to(wakeful: Engine, queue: Wakeful) -> None:
    send(wakeful, "a")
    claims = queue.receive(1, LEASE)
    queue.ack(claims[0])
    queue.keep(claims, LEASE)
    assert (0, None) == (queue.depth().leased, queue.due_in())
