"""SQS wakes whoever is to take a message; the message itself is in the table."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clients.dynamodb.alarms import Alarm
from shared.clients.dynamodb.silence import AGAIN, DUE_FOR
from shared.model.messages import Message
from shared.model.records import Key, Put
from tests.aws_faults import refused, unheard
from tests.clients.conformance.engines import ATTEMPTS, LONGEST_BACKOFF
from tests.clients.dynamodb.conftest import Place

LEASE = 60.0


def message(name: str, function: str = "sync", delay: float = 0.0) -> Message:
    return Message(name, function, "project", {"project": name}, delay)


class Sent:
    """The entries of every request to SQS, as they are sent."""

    def __init__(self, place: Place) -> None:
        self.entries: list[dict[str, Any]] = []
        self.requests = 0
        self.faults = place.faults(tries=1)
        events = self.faults.aws.alarms.client.meta.events
        events.register("provide-client-params.sqs.SendMessageBatch", self._note)
        self.store = place.store_on(self.faults.aws)
        self.queue = place.queue_on(self.faults.aws)

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self.requests += 1
        self.entries += params["Entries"]

    @property
    def delays(self) -> dict[str, int]:
        return {entry["MessageBody"]: entry["DelaySeconds"] for entry in self.entries}


def test_a_commit_wakes_the_functions_that_its_messages_name(place: Place) -> None:
    place.store.commit([Put(Key("p", "s"), b"")], [message("a"), message("b"), message("c", "dispatch")])
    assert (["a", "b"], ["c"]) == (place.alarms("sync"), place.alarms("dispatch"))


def test_an_alarm_holds_the_id_alone_and_ten_go_in_one_request(place: Place) -> None:
    sent = Sent(place)
    sent.store.commit([], [message(f"m{number:02}") for number in range(23)])
    assert (3, 23) == (sent.requests, len(sent.delays))
    assert sorted(sent.delays) == place.alarms("sync")


def test_a_delay_is_kept_by_sqs_up_to_a_quarter_of_an_hour(place: Place) -> None:
    sent = Sent(place)
    sent.store.commit([], [message("now"), message("soon", delay=1.2), message("late", delay=5_000)])
    assert {"now": 0, "soon": 2, "late": 900} == sent.delays


def test_a_failed_message_wakes_its_function_when_it_is_visible_again(place: Place) -> None:
    place.store.commit([], [message("a")])
    sent = Sent(place)
    [claimed] = sent.queue.receive(1, LEASE)
    sent.queue.nack(claimed, "failed", 40)
    assert {"a": 40} == sent.delays
    sent.queue.nack(claimed, "too late to say", 7)
    assert 1 == sent.requests


def test_a_dead_letter_wakes_nobody_until_it_is_sent_again(place: Place) -> None:
    place.store.commit([], [message("a")])
    sent = Sent(place)
    for _ in range(ATTEMPTS):
        [claimed] = sent.queue.receive(1, LEASE)
        sent.queue.nack(claimed, "no")
        place.clock.advance(LONGEST_BACKOFF)
    assert ATTEMPTS - 1 == len(sent.entries)
    place.alarms("sync")
    sent.queue.redrive("a")
    assert ["a"] == place.alarms("sync")


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        pytest.param("SendMessageBatch", refused("AWS.SimpleQueueService.ThrottlingException"), id="refused"),
        pytest.param("SendMessageBatch", unheard, id="unheard"),
        pytest.param("GetQueueUrl", unheard, id="where-the-queue-is-was-not-said"),
        pytest.param(
            "SendMessageBatch",
            refused("", 200, Successful=[], Failed=[{"Id": "0", "Code": "InternalError", "SenderFault": False}]),
            id="refused-one-by-one",
        ),
    ],
)
def test_what_sqs_did_not_take_is_tidied_up_later(
    place: Place, caplog: pytest.LogCaptureFixture, operation: str, fault: Any
) -> None:
    sent = Sent(place)
    sent.faults.plan(operation, fault)
    sent.store.commit([], [message("a")])
    assert "sync" in caplog.text
    assert "next tidying" in caplog.text
    assert [] == place.alarms("sync")
    place.clock.advance(DUE_FOR - 1)
    assert 0 == place.store.tidy()
    place.clock.advance(1)
    assert 1 == place.store.tidy()
    assert ["a"] == place.alarms("sync")


def test_a_queue_that_is_only_slow_is_not_filled_with_alarms(place: Place) -> None:
    place.store.commit([], [message("a")])
    place.clock.advance(DUE_FOR)
    assert [1, 0] == [place.store.tidy(), place.store.tidy()]
    place.clock.advance(AGAIN - 1)
    assert 0 == place.store.tidy()
    place.clock.advance(1)
    assert 1 == place.store.tidy()


def test_tidying_leaves_alone_what_is_claimed_delayed_or_done(place: Place) -> None:
    place.store.commit([], [message("claimed"), message("delayed", delay=DUE_FOR), message("done")])
    claimed = place.queue.claim("done", LEASE)
    assert claimed is not None
    place.queue.ack(claimed)
    place.queue.claim("claimed", DUE_FOR)
    place.clock.advance(DUE_FOR)
    assert 0 == place.store.tidy()


def test_a_claim_that_its_holder_never_answered_is_found_by_tidying(place: Place) -> None:
    place.store.commit([], [message("a")])
    place.queue.claim("a", LEASE)
    place.clock.advance(LEASE + DUE_FOR)
    assert 1 == place.store.tidy()


def test_tidying_takes_no_more_than_its_limit(place: Place) -> None:
    place.store.commit([], [message(f"m{number}") for number in range(5)])
    place.alarms("sync")
    place.clock.advance(DUE_FOR)
    assert [3, 2, 0] == [place.store.tidy(3) for _ in range(3)]
    assert [f"m{number}" for number in range(5)] == place.alarms("sync")


def test_alarms_of_a_function_without_a_queue_are_left(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    assert [] == place.aws.alarms.set([Alarm("nobody", "a")])
    assert "1 messages of nobody wait for the next tidying" in caplog.text
