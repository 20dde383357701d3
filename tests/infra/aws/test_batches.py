"""Batches of SQS, from moto's server, for the real `dispatch` over SQLite: what is done, and what must come again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.aws.batches import ENOUGH, LONGEST, SLACK
from infra.aws.entry import Entry, load
from infra.local.environment import applied
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.errors import NotYet
from shared.model.messages import Depth, Message
from tests.infra.aws.events import Context, batch
from tests.infra.loop import until

DISPATCH = Path(__file__).parents[3] / "functions" / "dispatch" / "main.py"
NAMES = (f"shop-{number}-dispatch" for number in itertools.count())
DONE: dict[str, list[Any]] = {"batchItemFailures": []}


class Post:
    """A queue of SQS, the message store beside it, and the function that both are for."""

    def __init__(self, folder: Path, sqs: Any) -> None:
        database = open_database(folder / "litmus-gitops.db")
        self.store, self.queue, self.sqs = SqliteStore(database), SqliteQueue(database), sqs
        self.name = next(NAMES)
        self.url = sqs.create_queue(QueueName=self.name)["QueueUrl"]
        with applied({}):
            self.entry: Entry = load("dispatch", DISPATCH)

    def send(self, *messages: Message) -> None:
        """Commit messages, and set an alarm for each."""
        self.store.commit([], messages)
        for message in messages:
            self.alarm(message.id)

    def alarm(self, message_id: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=message_id)

    def received(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=100
        ).get("Messages", [])
        return found

    def handle(self, messages: Sequence[dict[str, Any]], seconds: float = 300.0) -> Any:
        return self.entry.handle(batch(messages, self.name), Context(seconds))


@pytest.fixture
def post(lambda_environment: Path, sqs: Any) -> Post:
    return Post(lambda_environment, sqs)


def nothing(message_id: str, delay: float = 0.0) -> Message:
    """A message about an order that is not there, with which there is nothing to do."""
    return Message(message_id, "dispatch", "order", {"cluster": "nowhere", "order": "x"}, delay)


def test_each_record_is_claimed_delivered_and_settled(post: Post) -> None:
    post.send(nothing("m-1"), nothing("m-2"))
    assert post.handle(post.received()) == DONE
    assert Depth(0, 0, 0, 0) == post.queue.depth()


def test_a_record_that_came_twice_and_one_of_nothing_we_know_do_nothing(post: Post) -> None:
    post.send(nothing("m-1"))
    post.alarm("m-1")
    post.alarm("from-nowhere")
    assert post.handle(post.received()) == DONE
    assert Depth(0, 0, 0, 0) == post.queue.depth()


def test_a_failed_message_uses_up_an_attempt_and_is_the_queues_again(post: Post) -> None:
    post.send(Message("m-1", "dispatch", "order", {"cluster": "names no order"}), nothing("m-2"))
    assert post.handle(post.received()) == DONE
    until(lambda: post.queue.due_in() == 0.0, "the failed message")
    [claimed] = post.queue.receive(10, 5)
    assert ("m-1", 2) == (claimed.message.id, claimed.attempts)


def test_a_message_that_a_newer_release_knows_comes_again_much_later(post: Post) -> None:
    post.send(Message("m-1", "dispatch", "of-tomorrow", {}))
    assert post.handle(post.received()) == DONE
    due = post.queue.due_in()
    assert due is not None
    assert 250 < due <= 300


def test_what_came_too_early_comes_again_when_it_is_time(post: Post) -> None:
    post.send(nothing("m-1", delay=600), nothing("m-2"))
    messages = post.received()
    early = next(one["MessageId"] for one in messages if one["Body"] == "m-1")
    assert {"batchItemFailures": [{"itemIdentifier": early}]} == post.handle(messages)
    assert Depth(0, 1, 0, 0) == post.queue.depth()
    assert not post.received()


def test_what_another_holds_comes_again_when_the_lease_ends(post: Post) -> None:
    post.send(nothing("m-1"))
    held = post.queue.claim("m-1", 1.0)
    assert held is not None
    messages = post.received()
    assert {"batchItemFailures": [{"itemIdentifier": messages[0]["MessageId"]}]} == post.handle(messages)
    post.queue.ack(held)


def test_a_pause_is_never_longer_than_sqs_allows(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.send(nothing("m-1", delay=10 * LONGEST))
    messages = post.received()
    assert len(messages) == len(post.handle(messages)["batchItemFailures"])
    assert "stays hidden for as long as its queue says" not in caplog.text
    assert not post.received()


def test_a_pause_that_sqs_refuses_leaves_the_record_to_its_queue(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.send(nothing("m-1", delay=600))
    [message] = post.received()
    gone = message | {"ReceiptHandle": "none-of-ours"}
    assert {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]} == post.handle([gone])
    assert "stays hidden for as long as its queue says" in caplog.text


def test_without_enough_time_the_rest_is_left_to_another_at_once(post: Post) -> None:
    post.send(nothing("m-1"), nothing("m-2"), nothing("m-3"))
    messages = post.received()
    left = [{"itemIdentifier": one["MessageId"]} for one in messages[1:]]
    assert {"batchItemFailures": left} == post.handle(messages, ENOUGH - 1)
    again = post.received()
    assert sorted(one["Body"] for one in messages[1:]) == sorted(one["Body"] for one in again)
    assert post.handle(again) == DONE


def test_a_lease_ends_soon_after_the_call_would_be_cut_off(post: Post) -> None:
    post.send(Message("m-1", "dispatch", "order", {"cluster": "nowhere", "order": "x"}))
    leases: list[float] = []

    def cut_off(message: Message) -> Any:
        with pytest.raises(NotYet) as held:
            post.queue.claim(message.id, 1)
        leases.append(held.value.seconds)
        raise SystemExit

    batches = post.entry.batches()
    dying = type(batches)(batches.queue, cut_off, batches.pause)
    with pytest.raises(SystemExit):
        dying.take(batch(post.received(), post.name)["Records"], lambda: 60.0)
    [lease] = leases
    assert 60.0 < lease <= 60.0 + SLACK
    assert Depth(0, 0, 1, 0) == post.queue.depth()


def test_a_store_that_is_away_loses_nothing(post: Post) -> None:
    post.send(nothing("m-1"))
    messages, queue = post.received(), post.entry.batches().queue
    assert isinstance(queue, SqliteQueue)
    queue.database.close()
    assert {"batchItemFailures": [{"itemIdentifier": messages[0]["MessageId"]}]} == post.handle(messages)
    assert Depth(1, 0, 0, 0) == SqliteQueue(open_database(queue.database.path)).depth()
