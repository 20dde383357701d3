from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from shared.clients import pubsub
from shared.clients.google import Google
from shared.clients.postgresql import Database, PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql.messages import LONG
from shared.clients.postgresql.place import read_place
from shared.clients.pubsub import Topics, open_topics
from shared.model.messages import Message
from shared.model.records import Key, Put
from tests import postgresql
from tests.clients.conformance.engines import RETENTION, ManualClock
from tests.google import GoogleServer

PREFIX = "projects/acme/topics/litmus"


class Parts:
    def __init__(self, server: GoogleServer, url: str) -> None:
        self.clock, self.database = ManualClock(), Database(read_place(url))
        forward = Topics(Google(), PREFIX, server.url).publish
        self.store = PostgresqlStore(self.database, self.clock, RETENTION, forward)
        self.queue = PostgresqlQueue(self.database, self.clock, attempts=1, forward=forward)

    def send(self, *names: str, function: str = "sync", delay: float = 0.0) -> None:
        self.store.commit([], [Message(name, function, "do", {}, delay) for name in names])


@pytest.fixture
def parts(server: GoogleServer) -> Iterator[Parts]:
    server.topics |= {f"{PREFIX}-{name}" for name in ("sync", "dispatch")}
    own = postgresql.server()
    schema = own.new_schema()
    made = Parts(server, own.url(schema))
    yield made
    made.database.close()
    own.drop_schema(schema)


@postgresql.needs_server()
def test_a_commit_wakes_each_function_for_its_messages(parts: Parts, server: GoogleServer) -> None:
    messages = [Message("a", "sync", "do", {}), Message("b", "dispatch", "do", {}), Message("c", "sync", "do", {})]
    parts.store.commit([Put(Key("p", "a"), b"")], messages)
    assert [("litmus-dispatch", "b"), ("litmus-sync", "a"), ("litmus-sync", "c")] == sorted(server.ids)
    assert 2 == len(server.published)


@postgresql.needs_server()
def test_a_commit_without_messages_publishes_nothing(parts: Parts, server: GoogleServer) -> None:
    parts.store.commit([Put(Key("p", "a"), b"")])
    assert [] == server.published


@postgresql.needs_server()
def test_a_message_that_is_not_published_is_committed_and_published_by_a_later_tidying(
    parts: Parts, server: GoogleServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 503
    with caplog.at_level(logging.WARNING):
        parts.send("a")
    assert "1 messages of projects/acme/topics/litmus-sync wait for the next tidying: status 503" in caplog.text
    server.status = None
    assert 0 == parts.store.tidy()
    parts.clock.advance(LONG)
    assert 1 == parts.store.tidy()
    assert [("litmus-sync", "a")] == server.ids
    assert 0 == parts.store.tidy()
    parts.clock.advance(LONG)
    assert 1 == parts.store.tidy()


@postgresql.needs_server()
def test_a_message_that_somebody_holds_or_has_done_is_not_published_again(parts: Parts, server: GoogleServer) -> None:
    parts.send("held", "done")
    claims = [parts.queue.claim(name, 10 * LONG) for name in ("held", "done")]
    assert claims[1]
    parts.queue.ack(claims[1])
    parts.clock.advance(2 * LONG)
    assert 0 == parts.store.tidy()
    assert 2 == len(server.ids)


@postgresql.needs_server()
def test_a_delayed_message_is_published_once_it_is_due(parts: Parts, server: GoogleServer) -> None:
    parts.send("later", delay=60)
    parts.clock.advance(59)
    assert (0, []) == (parts.store.tidy(), server.ids)
    parts.clock.advance(1)
    assert (1, [("litmus-sync", "later")]) == (parts.store.tidy(), server.ids)


@postgresql.needs_server()
def test_a_dead_letter_that_is_sent_again_wakes_its_function(parts: Parts, server: GoogleServer) -> None:
    parts.send("a")
    [claimed] = parts.queue.receive(1, 60)
    parts.queue.nack(claimed, "no")
    server.published.clear()
    parts.queue.redrive("a")
    assert [("litmus-sync", "a")] == server.ids


@postgresql.needs_server()
def test_tidying_takes_no_more_than_its_limit_of_either(parts: Parts, server: GoogleServer) -> None:
    parts.send("a", "b", "c", delay=60)
    parts.store.commit([Put(Key("p", str(number)), b"", ages=True) for number in range(3)])
    parts.clock.advance(RETENTION)
    assert [4, 2, 0] == [parts.store.tidy(2) for _ in range(3)]
    assert 3 == len(server.ids)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        pytest.param(403, "let this service account have roles/pubsub.publisher", id="no-right"),
        pytest.param(404, "create it, with a push subscription to the function", id="no-topic"),
    ],
)
def test_what_an_operator_can_mend_is_said(
    server: GoogleServer, caplog: pytest.LogCaptureFixture, status: int, hint: str
) -> None:
    server.status = status
    Topics(Google(), PREFIX, server.url).publish([("sync", "a")])
    assert hint in caplog.text


def test_a_server_that_is_not_there_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    Topics(Google(anonymous=True), PREFIX, "http://127.0.0.1:1").publish([("sync", "a"), ("dispatch", "b")])
    assert 2 == caplog.text.count("does not answer")


def test_once_its_time_is_used_up_the_rest_is_left(
    server: GoogleServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "_PATIENCE", 0.0)
    Topics(Google(), PREFIX, server.url).publish([("sync", "a")])
    assert "Pub/Sub was too slow with those before" in caplog.text
    assert [] == server.published


def test_many_messages_go_in_few_requests(server: GoogleServer) -> None:
    server.topics.add(f"{PREFIX}-sync")
    Topics(Google(), PREFIX, server.url).publish(("sync", str(number)) for number in range(1500))
    assert [1000, 500] == [len(ids) for _, ids in server.published]


def test_an_emulator_is_asked_without_credentials(server: GoogleServer) -> None:
    server.topics.add(f"{PREFIX}-sync")
    server.unauthorized = True
    open_topics(PREFIX, {"PUBSUB_EMULATOR_HOST": server.host}).publish([("sync", "a")])
    assert [("litmus-sync", "a")] == server.ids
    assert not [path for path in server.asked if "computeMetadata" in path]
    assert "https://pubsub.googleapis.com" == open_topics(PREFIX, {}).endpoint
