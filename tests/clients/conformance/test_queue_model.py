"""Random histories of a queue: no message is lost, none comes while it is leased, attempts are bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.model.messages import Claimed, Message
from tests.clients.conformance.engines import ATTEMPTS, LONGEST_BACKOFF, Engine


@dataclass
class Row:
    """What is known of a message: surely hidden before `hidden`, surely visible from `visible`, in seconds."""

    hidden: float
    visible: float
    attempts: int = 0
    receipt: str | None = None


class Histories(RuleBasedStateMachine):
    new_engine: Callable[[], Engine]
    claims: Bundle[Claimed] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.engine = self.new_engine()
        self.rows: dict[str, Row] = {}
        self.dead: set[str] = set()
        self.sent = 0
        self.now = 0.0

    @rule(count=st.integers(1, 3), delay=st.sampled_from([0.0, 0.0, 5.0]))
    def send(self, count: int, delay: float) -> None:
        names = [f"m{self.sent + n}" for n in range(count)]
        self.sent += count
        self.engine.store.commit([], [Message(name, "sync", "project", {"n": name}, delay) for name in names])
        self.rows |= {name: Row(self.now + delay, self.now + delay) for name in names}

    @rule(target=claims, limit=st.sampled_from([1, 2, 100]), lease=st.sampled_from([3.0, 60.0]))
    def receive(self, limit: int, lease: float) -> MultipleResults[Claimed]:
        claimed = self.engine.queue.receive(limit, lease)
        names = [claim.message.id for claim in claimed]
        assert len(set(names)) == len(names) <= limit
        for claim in claimed:
            self.note_claim(claim, lease)
        if len(names) < limit:
            self.note_that_none_is_left()
        return multiple(*claimed)

    def note_claim(self, claim: Claimed, lease: float) -> None:
        row = self.rows[claim.message.id]
        assert row.hidden <= self.now
        assert row.attempts + 1 == claim.attempts <= ATTEMPTS
        self.rows[claim.message.id] = Row(self.now + lease, self.now + lease, claim.attempts, claim.receipt)

    def note_that_none_is_left(self) -> None:
        left = {name for name, row in self.rows.items() if row.visible <= self.now}
        assert all(self.rows[name].attempts == ATTEMPTS for name in left)
        self.bury(left)

    def bury(self, names: set[str]) -> None:
        self.dead |= names
        for name in names:
            del self.rows[name]

    def held(self, claim: Claimed) -> Row | None:
        """The row, if the claim still counts: its lease lasts, and was not voided."""
        row = self.rows.get(claim.message.id)
        return row if row and row.receipt == claim.receipt else None

    def ended_unnoticed(self, claim: Claimed) -> bool:
        """Whether the lease is over though no other claimed the message: the port leaves open what an answer does."""
        row = self.held(claim)
        return row is not None and row.visible <= self.now

    @rule(claim=consumes(claims))
    def ack(self, claim: Claimed) -> None:
        if self.ended_unnoticed(claim):
            return
        self.engine.queue.ack(claim)
        if self.held(claim):
            del self.rows[claim.message.id]

    @rule(claim=consumes(claims), delay=st.sampled_from([None, 0.0, 7.0]), count=st.booleans())
    def nack(self, claim: Claimed, delay: float | None, *, count: bool) -> None:
        if self.ended_unnoticed(claim):
            return
        self.engine.queue.nack(claim, "failed", delay, count=count)
        row = self.held(claim)
        if row and count and row.attempts == ATTEMPTS:
            self.bury({claim.message.id})
        elif row:
            hidden, visible = (0.0, LONGEST_BACKOFF) if delay is None else (delay, delay)
            attempts = row.attempts if count else row.attempts - 1
            self.rows[claim.message.id] = Row(self.now + hidden, self.now + visible, attempts)

    @rule(seconds=st.sampled_from([1.0, 5.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.engine.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.engine.reopen()
        self.engine.queue.void_leases()
        for row in self.rows.values():
            if row.receipt is not None:
                row.receipt, row.hidden, row.visible = None, self.now, self.now

    @precondition(lambda self: self.dead)
    @rule()
    def redrive(self) -> None:
        name = min(self.dead)
        self.engine.queue.redrive(name)
        self.dead.remove(name)
        self.rows[name] = Row(self.now, self.now)

    def teardown(self) -> None:
        self.engine.clock.advance(1000)
        waiting = {claim.message.id for claim in self.engine.queue.receive(1000, 60)}
        dead = {letter.message.id for letter in self.engine.queue.dead(limit=1000)}
        assert set(self.rows) | self.dead == waiting | dead
        assert set() == waiting & dead
        self.engine.close()


@pytest.mark.parametrize(
    ("histories", "steps"),
    [
        pytest.param(40, 30, id="short"),
        pytest.param(300, 60, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_no_history_loses_a_message_or_gives_it_to_two(
    new_engine: Callable[[], Engine], costs: int, histories: int, steps: int
) -> None:
    bounded = settings(
        max_examples=max(histories // costs, 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    here = type("HistoriesHere", (Histories,), {"new_engine": staticmethod(new_engine)})
    run_state_machine_as_test(here, settings=bounded)
