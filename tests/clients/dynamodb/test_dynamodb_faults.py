"""DynamoDB throttles, fails and loses answers: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.clients.dynamodb import DynamoQueue, DynamoStore
from shared.errors import Misconfigured, NotYet, Stale, Unavailable
from shared.model.messages import Depth, Message
from shared.model.records import ABSENT, Key, Put, Record
from tests.aws_faults import Fault, Outdated, broken, by_chance, conflicting, lost, refused, throttled, unheard
from tests.clients.dynamodb.conftest import Place

HERE, THERE = Key("project", "shop"), Key("project", "bank")
MESSAGE = Message("m", "sync", "project", {"project": "shop"})
LEASE = 60.0
READS = ("GetItem", "BatchGetItem", "Query")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(throttled, id="throttled"),
        pytest.param(broken, id="broken-inside"),
        pytest.param(unheard, id="unheard"),
        pytest.param(refused("TransactionInProgressException"), id="the-same-in-progress"),
    ],
)
def test_what_passes_by_itself_is_not_noticed(place: Place, fault: Fault) -> None:
    faults = place.faults()
    store = place.store_on(faults.aws)
    for operation in ("TransactWriteItems", "PutItem", "GetItem", "Query"):
        faults.plan(operation, fault)
    store.commit([Put(HERE, b"1"), Put(THERE, b"1")], [MESSAGE])
    store.commit([Put(HERE, b"2", 1)])
    assert Record(HERE, b"2", 2) == store.get(HERE)
    assert 2 == len(store.query("project"))
    assert ["TransactWriteItems", "PutItem", "GetItem", "Query"] == faults.met


def test_a_transaction_whose_answer_was_lost_is_done_once(honest: Place) -> None:
    faults = honest.faults()
    faults.plan("TransactWriteItems", lost)
    honest.store_on(faults.aws).commit([Put(HERE, b"1", ABSENT), Put(THERE, b"1")], [MESSAGE])
    assert {HERE: Record(HERE, b"1", 1), THERE: Record(THERE, b"1", 1)} == honest.store.get_many([HERE, THERE])
    assert ["m"] == [claimed.message.id for claimed in honest.queue.receive(1, LEASE)]


def test_a_put_alone_whose_answer_was_lost_is_done_once(place: Place) -> None:
    faults = place.faults()
    faults.plan("PutItem", lost)
    place.store_on(faults.aws).commit([Put(HERE, b"1", ABSENT)])
    assert Record(HERE, b"1", 1) == place.store.get(HERE)


def test_a_put_alone_that_another_wrote_over_is_not_known_to_be_done(place: Place) -> None:
    """To say `Stale` could make the caller do it a second time."""
    faults = place.faults()

    def lost_and_overwritten(request: Any) -> AWSResponse | None:
        try:
            return lost(request)
        finally:
            place.store.commit([Put(HERE, b"theirs", 1)])

    faults.plan("PutItem", lost_and_overwritten)
    with pytest.raises(Unavailable, match="project/shop may have been written"):
        place.store_on(faults.aws).commit([Put(HERE, b"ours", ABSENT)])
    assert Record(HERE, b"theirs", 2) == place.store.get(HERE)


def test_a_transaction_that_met_another_is_tried_again(place: Place) -> None:
    faults = place.faults()
    faults.plan("TransactWriteItems", conflicting(2), conflicting(2))
    place.store_on(faults.aws).commit([Put(HERE, b"1", ABSENT)], [MESSAGE])
    assert Record(HERE, b"1", 1) == place.store.get(HERE)


def test_a_put_alone_that_met_a_transaction_is_tried_again(place: Place) -> None:
    faults = place.faults()
    faults.plan("PutItem", refused("TransactionConflictException"))
    place.store_on(faults.aws).commit([Put(HERE, b"1", ABSENT)])
    assert Record(HERE, b"1", 1) == place.store.get(HERE)


def test_an_item_that_is_always_in_use_is_given_up(place: Place) -> None:
    faults = place.faults()
    store = place.store_on(faults.aws)
    with faults.amid(lambda _: conflicting(2)), pytest.raises(Unavailable, match="too busy: transact_write_items"):
        store.commit([Put(HERE, b"1", ABSENT)], [MESSAGE])
    assert 10 == len(faults.met)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        pytest.param("ProvisionedThroughputExceededException", 400, Unavailable, id="throttled"),
        pytest.param("ThrottlingException", 400, Unavailable, id="throttled-by-the-control-plane"),
        pytest.param("InternalServerError", 500, Unavailable, id="broken-inside"),
        pytest.param("SomethingNew", 503, Unavailable, id="a-code-of-tomorrow"),
        pytest.param("AccessDeniedException", 400, Misconfigured, id="not-allowed"),
        pytest.param("ResourceNotFoundException", 400, Misconfigured, id="no-such-table"),
    ],
)
def test_what_does_not_pass_says_whose_fault_it_is(
    place: Place, code: str, status: int, error: type[Exception]
) -> None:
    faults = place.faults(tries=1)
    store = place.store_on(faults.aws)
    with faults.amid(lambda _: refused(code, status)):
        with pytest.raises(error, match=f"the table {place.name}: {code}"):
            store.get(HERE)
        with pytest.raises(error, match=f"the table {place.name}: {code}"):
            store.commit([Put(HERE, b"1")])


def test_no_answer_at_all_is_said_to_be_away(place: Place) -> None:
    faults = place.faults(tries=1)
    with faults.amid(lambda _: unheard), pytest.raises(Unavailable, match="did not answer get_item on the table"):
        place.store_on(faults.aws).get(HERE)


def test_keys_that_an_answer_left_out_are_asked_for_again(place: Place) -> None:
    place.store.commit([Put(HERE, b"1"), Put(THERE, b"2")])
    faults = place.faults()

    def nothing(request: Any) -> AWSResponse | None:
        asked = json.loads(request.body)["RequestItems"]
        return refused("", 200, Responses={}, UnprocessedKeys=asked)(request)

    faults.plan("BatchGetItem", nothing)
    assert {HERE, THERE} == set(place.store_on(faults.aws).get_many([HERE, THERE]))


def test_a_claim_whose_answer_was_lost_is_a_claim(place: Place) -> None:
    place.store.commit([], [MESSAGE])
    faults = place.faults()
    faults.plan("UpdateItem", lost)
    claimed = place.queue_on(faults.aws).claim("m", LEASE)
    assert claimed is not None
    assert 1 == claimed.attempts
    with pytest.raises(NotYet):
        place.queue.claim("m", LEASE)
    place.queue.ack(claimed)
    assert place.queue.claim("m", LEASE) is None


@pytest.mark.parametrize("count", [pytest.param(True, id="an-attempt"), pytest.param(False, id="no-attempt")])
def test_an_answer_to_a_message_that_was_lost_counts_once(place: Place, count: bool) -> None:
    place.store.commit([], [MESSAGE])
    [claimed] = place.queue.receive(1, LEASE)
    faults = place.faults()
    faults.plan("UpdateItem", lost)
    place.queue_on(faults.aws).nack(claimed, "failed", 0, count=count)
    [again] = place.queue.receive(1, LEASE)
    assert (2 if count else 1) == again.attempts


def test_a_last_attempt_whose_answer_was_lost_is_one_dead_letter(honest: Place) -> None:
    honest.store.commit([], [MESSAGE])
    for _ in range(3):
        [claimed] = honest.queue.receive(1, LEASE)
        faults = honest.faults()
        faults.plan("TransactWriteItems", lost)
        honest.queue_on(faults.aws).nack(claimed, "no", 0)
    assert ["m"] == [letter.message.id for letter in honest.queue.dead()]
    assert [] == honest.queue.receive(1, LEASE)


def test_no_read_may_be_outdated(place: Place) -> None:
    """Reads that are not strongly consistent show here for ever what they showed first."""
    faults = place.faults()
    store, queue = place.store_on(faults.aws), place.queue_on(faults.aws)
    outdated = Outdated()
    with faults.amid(lambda operation: outdated if operation in READS else None):
        for number in (1, 2):
            place.store.commit([Put(HERE, str(number).encode())], [Message(f"m{number}", "sync", "project", {})])
            now = Record(HERE, str(number).encode(), number)
            assert [now, {HERE: now}, [now]] == [store.get(HERE), store.get_many([HERE]), store.query("project")]
            assert (number, [f"m{number}"]) == (queue.depth().ready + queue.depth().leased, _received(queue))
    assert {"GetItem", "BatchGetItem", "Query"} == set(faults.met)


def _received(queue: DynamoQueue) -> list[str]:
    return [claimed.message.id for claimed in queue.receive(1, LEASE)]


def test_amid_faults_each_effect_happens_once_and_its_message_comes(honest: Place) -> None:
    """Each caller repeats what it was not told of, as the queue has a function do, and knows its work by its record."""
    faults = honest.faults(tries=3)
    store, queue = honest.store_on(faults.aws), replace(honest.queue_on(faults.aws), attempts=100)
    names = [f"n{number:02}" for number in range(48)]
    total = Key("total", "one")
    with faults.amid(by_chance(20_260_101, 0.15, honest.at.name)), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: _do_once(store, total, name), names))
        taken = _drained(honest, queue)
    assert Record(total, b"48", 48) == honest.store.get(total)
    assert names == [record.key.sort for record in honest.store.query("done")]
    assert set(names) == taken
    assert len(faults.met) > len(names) / 2


def _do_once(store: DynamoStore, total: Key, name: str) -> None:
    done = Key("done", name)
    while True:
        try:
            if store.get(done):
                return
            record = store.get(total)
            value, version = (int(record.value), record.version) if record else (0, ABSENT)
            counted = Put(total, str(value + 1).encode(), version)
            store.commit([counted, Put(done, b"", ABSENT)], [Message(name, "sync", "project", {})])
        except (Stale, Unavailable):
            continue


def _drained(place: Place, queue: DynamoQueue) -> set[str]:
    """Take every message until none is left; return which were taken."""
    taken: set[str] = set()
    while place.queue.depth() != Depth(0, 0, 0, 0):
        with suppress(Unavailable):
            for claimed in queue.receive(10, LEASE):
                taken.add(claimed.message.id)
                queue.ack(claimed)
        place.clock.advance(LEASE)
    return taken
