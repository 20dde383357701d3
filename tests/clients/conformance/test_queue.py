from __future__ import annotations

import pytest

from shared.errors import NotFound, NotYet
from shared.model.messages import Depth, Message
from tests.clients.conformance.engines import ATTEMPTS, LONGEST_BACKOFF, Engine

LEASE = 60.0


def send(engine: Engine, *names: str, delay: float = 0.0) -> None:
    engine.store.commit([], [Message(name, "sync", "project", {"project": name}, delay) for name in names])


def received(engine: Engine, limit: int = 100) -> list[str]:
    return sorted(claimed.message.id for claimed in engine.queue.receive(limit, LEASE))


def wear_out(engine: Engine, reason: str) -> None:
    for _ in range(ATTEMPTS):
        engine.clock.advance(LONGEST_BACKOFF)
        for claimed in engine.queue.receive(100, LEASE):
            engine.queue.nack(claimed, reason)


def test_a_message_comes_as_it_was_sent(engine: Engine) -> None:
    send(engine, "shop")
    [claimed] = engine.queue.receive(10, LEASE)
    assert (Message("shop", "sync", "project", {"project": "shop"}), 1) == (claimed.message, claimed.attempts)


def test_a_claim_takes_no_more_than_its_limit(engine: Engine) -> None:
    send(engine, "a", "b", "c")
    assert [2, 1, 0] == [len(engine.queue.receive(2, LEASE)) for _ in range(3)]


def test_functions_that_are_left_alone_are_not_claimed(engine: Engine) -> None:
    messages = [Message("a", "sync", "project", {}), Message("b", "dispatch", "order", {})]
    engine.store.commit([], messages)
    assert ["b"] == [claimed.message.id for claimed in engine.queue.receive(10, LEASE, ["sync", "nobody"])]
    assert ["a"] == received(engine)


def test_one_message_is_claimed_by_whoever_was_told_of_it(engine: Engine) -> None:
    send(engine, "a", "b")
    claimed = engine.queue.claim("b", LEASE)
    assert claimed is not None
    assert (Message("b", "sync", "project", {"project": "b"}), 1) == (claimed.message, claimed.attempts)
    assert ["a"] == received(engine)
    engine.queue.ack(claimed)
    assert engine.queue.claim("b", LEASE) is None


def test_a_message_that_another_holds_is_not_to_be_claimed_yet(engine: Engine) -> None:
    send(engine, "a")
    first = engine.queue.claim("a", LEASE)
    engine.clock.advance(20)
    with pytest.raises(NotYet) as early:
        engine.queue.claim("a", LEASE)
    assert LEASE - 20 == early.value.seconds
    engine.clock.advance(40)
    second = engine.queue.claim("a", LEASE)
    assert first is not None
    assert second is not None
    assert (2, True) == (second.attempts, first.receipt != second.receipt)


def test_a_delayed_message_is_not_to_be_claimed_yet(engine: Engine) -> None:
    send(engine, "later", delay=5)
    with pytest.raises(NotYet) as early:
        engine.queue.claim("later", LEASE)
    assert 5 == early.value.seconds


def test_a_claim_of_a_message_that_was_tried_often_enough_makes_it_a_dead_letter(engine: Engine) -> None:
    send(engine, "a")
    for _ in range(ATTEMPTS):
        assert engine.queue.claim("a", LEASE) is not None
        engine.clock.advance(LEASE)
    assert engine.queue.claim("a", LEASE) is None
    assert ["a"] == [letter.message.id for letter in engine.queue.dead()]


def test_a_message_that_nobody_sent_is_claimed_by_nobody(engine: Engine) -> None:
    assert engine.queue.claim("nobody", LEASE) is None


def test_messages_are_counted_by_where_they_stand(engine: Engine) -> None:
    assert Depth(ready=0, delayed=0, leased=0, dead=0) == engine.queue.depth()
    send(engine, "leased")
    received(engine)
    send(engine, "ready-1", "ready-2")
    send(engine, "delayed", delay=60)
    assert Depth(ready=2, delayed=1, leased=1, dead=0) == engine.queue.depth()


def test_dead_letters_are_counted(engine: Engine) -> None:
    send(engine, "a")
    wear_out(engine, "no")
    assert Depth(ready=0, delayed=0, leased=0, dead=1) == engine.queue.depth()


def test_the_oldest_message_is_as_old_as_its_commit(engine: Engine) -> None:
    assert 0.0 == engine.queue.oldest_age()
    send(engine, "a")
    engine.clock.advance(90)
    send(engine, "b")
    assert 90.0 == engine.queue.oldest_age()


def test_a_limit_below_one_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="limit of 0"):
        engine.queue.receive(0, LEASE)


def test_a_delayed_message_is_hidden_until_its_time(engine: Engine) -> None:
    send(engine, "later", delay=5)
    assert [] == received(engine)
    engine.clock.advance(5)
    assert ["later"] == received(engine)


def test_an_acknowledged_message_never_comes_again(engine: Engine) -> None:
    send(engine, "a")
    [claimed] = engine.queue.receive(10, LEASE)
    engine.queue.ack(claimed)
    engine.queue.ack(claimed)
    engine.clock.advance(LEASE + 1)
    assert [] == received(engine)


def test_a_message_whose_lease_ended_comes_again_and_the_attempt_counts(engine: Engine) -> None:
    send(engine, "a")
    assert ["a"] == received(engine)
    engine.clock.advance(LEASE - 1)
    assert [] == received(engine)
    engine.clock.advance(1)
    [claimed] = engine.queue.receive(10, LEASE)
    assert 2 == claimed.attempts


def test_an_answer_from_an_ended_lease_does_not_touch_the_next_one(engine: Engine) -> None:
    send(engine, "a")
    [late] = engine.queue.receive(10, LEASE)
    engine.clock.advance(LEASE)
    [present] = engine.queue.receive(10, LEASE)
    engine.queue.ack(late)
    engine.queue.nack(late, "too late to say", 0)
    assert [] == received(engine)
    engine.queue.nack(present, "again", 0)
    assert ["a"] == received(engine)


def test_a_failed_message_comes_back_within_its_backoff(engine: Engine) -> None:
    send(engine, "a")
    [claimed] = engine.queue.receive(10, LEASE)
    engine.queue.nack(claimed, "the git host is away")
    engine.clock.advance(LONGEST_BACKOFF)
    [again] = engine.queue.receive(10, LEASE)
    assert 2 == again.attempts


def test_a_failed_message_comes_back_after_the_delay_that_was_asked_for(engine: Engine) -> None:
    send(engine, "a")
    [claimed] = engine.queue.receive(10, LEASE)
    engine.queue.nack(claimed, "the git host is away", 30)
    engine.clock.advance(29)
    assert [] == received(engine)
    engine.clock.advance(1)
    assert ["a"] == received(engine)


def test_a_message_that_came_too_early_uses_up_no_attempt(engine: Engine) -> None:
    send(engine, "a")
    for _ in range(ATTEMPTS * 2):
        [claimed] = engine.queue.receive(10, LEASE)
        assert 1 == claimed.attempts
        engine.queue.nack(claimed, "not synced yet", 1, count=False)
        engine.clock.advance(1)


def test_the_last_failed_attempt_makes_a_dead_letter_with_its_reason(engine: Engine) -> None:
    send(engine, "a")
    wear_out(engine, "the experiment is gone")
    engine.clock.advance(1000)
    assert [] == received(engine)
    [letter] = engine.queue.dead()
    assert (Message("a", "sync", "project", {"project": "a"}), ATTEMPTS, "the experiment is gone") == (
        letter.message,
        letter.attempts,
        letter.reason,
    )
    assert "2100-01-01T00:00:30.000Z" == letter.at


def test_a_message_that_nobody_ever_answers_dies_too(engine: Engine) -> None:
    send(engine, "a", "b")
    for _ in range(ATTEMPTS):
        assert ["a", "b"] == received(engine)
        engine.clock.advance(LEASE)
    send(engine, "c")
    assert ["c"] == received(engine, limit=1)
    assert ["a", "b"] == [letter.message.id for letter in engine.queue.dead()]


def test_dead_letters_are_listed_in_pages(engine: Engine) -> None:
    send(engine, "c", "a", "b")
    wear_out(engine, "no")
    assert ["a", "b"] == [letter.message.id for letter in engine.queue.dead(limit=2)]
    assert ["c"] == [letter.message.id for letter in engine.queue.dead(after="b", limit=2)]


def test_a_dead_letter_sent_again_has_all_its_attempts(engine: Engine) -> None:
    send(engine, "a")
    wear_out(engine, "no")
    engine.queue.redrive("a")
    assert [] == engine.queue.dead()
    [claimed] = engine.queue.receive(10, LEASE)
    assert ("a", 1) == (claimed.message.id, claimed.attempts)


def test_a_dead_letter_that_does_not_exist_cannot_be_sent_again(engine: Engine) -> None:
    with pytest.raises(NotFound, match="'a'"):
        engine.queue.redrive("a")


def test_voided_leases_show_their_messages_at_once_and_delayed_ones_stay_hidden(engine: Engine) -> None:
    send(engine, "a")
    send(engine, "later", delay=5)
    assert ["a"] == received(engine)
    engine.reopen()
    assert [] == received(engine)
    engine.queue.void_leases()
    assert ["a"] == received(engine)
