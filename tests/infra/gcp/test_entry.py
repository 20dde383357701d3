from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.gcp.entry import MESSAGES, TICKS, load
from infra.local.environment import applied
from infra.local.folder import furnish
from infra.local.gateway import as_wsgi
from shared.clients.opening import open_store, open_wakeful
from shared.errors import Misconfigured
from shared.model.messages import Message
from shared.ports.state import Store, Wakeful
from tests import postgresql
from tests.google import GoogleServer, claims, signing_key
from tests.infra.small_functions import WORKS, write_function
from tests.infra.stores import on_server
from tests.servers import ask, waitress_server

pytestmark = postgresql.needs_server()
AUDIENCE = "https://sync-1.europe-west1.run.app"
PUBSUB, TIMER = "pubsub@acme.iam.gserviceaccount.com", "timer@acme.iam.gserviceaccount.com"
ENTRY = {"OIDC_AUDIENCE": AUDIENCE, "PUBSUB_ACCOUNT": PUBSUB, "SCHEDULER_ACCOUNT": TIMER}


class Cloud:
    """One function behind its entry, served on loopback over a store on a real server."""

    def __init__(self, folder: Path, google: GoogleServer, name: str) -> None:
        self.url = on_server(folder)
        self.store: Store = open_store(self.url)
        self.queue: Wakeful = open_wakeful(self.url)
        furnish(folder)
        own = {"DATA_DIR": str(folder), "STORE_URL": self.url, **ENTRY}
        source = write_function(folder / "functions", name, WORKS) / name / "main.py"
        with applied(own):
            self.app = as_wsgi(load(name, source, f"{google.url}/certs"))
        self.port = 0

    def send(self, name: str, action: str = "project", delay: float = 0.0) -> None:
        self.store.commit([], [Message(name, "sync", action, {"number": name}, delay)])

    def send_broken(self, name: str) -> None:
        """Send a message at which the function breaks."""
        self.store.commit([], [Message(name, "sync", "project", {})])

    def post(self, path: str, account: str, document: Any = None, audience: str = AUDIENCE) -> int:
        token = signing_key("today").token(**claims(audience, account))
        body = json.dumps(document).encode() if document is not None else b""
        return ask(self.port, "POST", path, body, Authorization=f"Bearer {token}").status

    def push(self, name: str, account: str = PUBSUB) -> int:
        """Push a message's id as Pub/Sub does."""
        message = {"data": base64.b64encode(name.encode()).decode(), "messageId": "1", "publishTime": "2026-01-01"}
        return self.post(MESSAGES, account, {"message": message, "subscription": "projects/acme/subscriptions/s"})

    def done(self) -> list[str]:
        return [record.key.sort for record in self.store.query("done")]


@pytest.fixture
def cloud(tmp_path: Path, google: GoogleServer, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    made = Cloud(tmp_path, google, getattr(request, "param", "sync"))
    with waitress_server(made.app) as made.port:
        yield made
    made.queue.close()


def test_a_push_has_its_message_done_once_however_often_it_comes(cloud: Cloud) -> None:
    cloud.send("a")
    assert [204, 204] == [cloud.push("a"), cloud.push("a")]
    assert (["a"], 0) == (cloud.done(), cloud.queue.depth().ready)


def test_a_push_of_a_message_that_nobody_sent_does_nothing(cloud: Cloud) -> None:
    assert 204 == cloud.push("nobody")


def test_a_message_that_is_delayed_or_held_by_another_comes_again(cloud: Cloud) -> None:
    cloud.send("later", delay=60)
    cloud.send("held")
    assert cloud.queue.claim("held", 60)
    assert [503, 503] == [cloud.push("later"), cloud.push("held")]
    assert [] == cloud.done()


def test_a_function_that_says_not_yet_uses_up_no_attempt(cloud: Cloud) -> None:
    cloud.send("early", "early")
    assert 503 == cloud.push("early")
    postgresql.waiting(lambda: cloud.queue.due_in() == 0.0, "the message to be due")
    assert 204 == cloud.push("early")
    assert ["early"] == cloud.done()


def test_a_message_that_this_release_does_not_know_comes_again_later(cloud: Cloud) -> None:
    cloud.send("a", "nobody-does-that")
    assert [503, 503] == [cloud.push("a"), cloud.push("a")]
    assert 1 == cloud.queue.depth().delayed


def test_a_message_that_fails_comes_again_until_it_is_a_dead_letter(cloud: Cloud) -> None:
    cloud.send_broken("a")
    assert 503 == cloud.push("a")
    [claimed] = claimed_again(cloud.queue)
    assert 2 == claimed.attempts
    for _ in range(10):
        cloud.queue.nack(claimed, "again", 0)
        [claimed] = cloud.queue.receive(1, 60)
    cloud.queue.nack(claimed, "the last", 0)
    assert ([], 204) == (cloud.queue.receive(1, 60), cloud.push("a"))
    assert ["a"] == [letter.message.id for letter in cloud.queue.dead()]


def claimed_again(queue: Wakeful) -> Any:
    postgresql.waiting(lambda: queue.due_in() == 0.0, "the message to be due")
    return queue.receive(1, 60)


@pytest.mark.parametrize("path", [MESSAGES, TICKS])
def test_nobody_but_the_account_that_is_meant_is_listened_to(cloud: Cloud, path: str) -> None:
    other = {MESSAGES: TIMER, TICKS: PUBSUB}[path]
    cloud.send("a")
    assert 401 == ask(cloud.port, "POST", path, b"not even JSON").status
    assert [401, 401] == [cloud.post(path, other, {}), cloud.post(path, other, {}, "https://another.run.app")]
    assert ([], 1) == (cloud.done(), cloud.queue.depth().ready)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"message": {"data": "not base64!"}}, id="data-that-is-none"),
        pytest.param({"message": {"data": base64.b64encode(b"\xff").decode()}}, id="no-text"),
        pytest.param({"id": "a"}, id="unwrapped"),
        pytest.param([], id="no-object"),
    ],
)
def test_what_is_no_push_is_refused(cloud: Cloud, document: object) -> None:
    assert 400 == cloud.post(MESSAGES, PUBSUB, document)


def test_a_push_is_small(cloud: Cloud) -> None:
    assert 413 == cloud.post(MESSAGES, PUBSUB, {"message": {"data": "a" * 70_000}})


@pytest.mark.parametrize("cloud", ["reconcile"], indirect=True)
def test_a_tick_takes_the_look_at_once(cloud: Cloud) -> None:
    assert 204 == cloud.post(TICKS, TIMER)
    assert (1, 0) == (len(cloud.store.query("ticks")), cloud.queue.depth().ready)


def test_a_tick_that_comes_to_another_function_fails(cloud: Cloud) -> None:
    assert 503 == cloud.post(TICKS, TIMER)


def test_everything_else_is_the_functions_own(cloud: Cloud) -> None:
    assert {"status": "ok"} == ask(cloud.port, "GET", "/healthz").json()
    assert 401 == ask(cloud.port, "POST", "/internal/sync", b"{}", content_type="application/cloudevents+json").status
    assert 404 == ask(cloud.port, "POST", "/google/others", b"{}").status


def test_while_the_database_is_away_pushes_come_again(tmp_path: Path, google: GoogleServer) -> None:
    server = postgresql.Server("fsync=off")
    server.start()
    furnish(tmp_path)
    source = write_function(tmp_path / "functions", "sync", WORKS) / "sync" / "main.py"
    with applied({"DATA_DIR": str(tmp_path), "STORE_URL": server.url(), **ENTRY}):
        app = as_wsgi(load("sync", source, f"{google.url}/certs"))
    open_store(server.url()).commit([], [Message("a", "sync", "project", {"number": "a"})])
    server.stop()
    token = signing_key("today").token(**claims(AUDIENCE, PUBSUB))
    body = json.dumps({"message": {"data": base64.b64encode(b"a").decode()}}).encode()
    with waitress_server(app) as port:

        def push() -> urllib3.BaseHTTPResponse:
            return ask(port, "POST", MESSAGES, body, Authorization=f"Bearer {token}")

        assert 503 == push().status
        server.start()
        assert 204 == push().status
    open_wakeful(server.url()).close()
    server.remove()


@pytest.mark.parametrize("name", ENTRY)
def test_without_a_setting_of_its_own_the_entry_does_not_start(tmp_path: Path, name: str) -> None:
    furnish(tmp_path)
    source = write_function(tmp_path / "functions", "sync", WORKS) / "sync" / "main.py"
    with applied({"DATA_DIR": str(tmp_path), **ENTRY, name: ""}), pytest.raises(Misconfigured, match=name):
        load("sync", source)
