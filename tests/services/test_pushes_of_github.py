"""Every delivery that GitHub publishes an example of, signed, to the receiver on a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.secrets import SecretReferences
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.edge.metrics import Metrics
from shared.model.calls import Answer, Call
from shared.model.deliveries import Pull, Push
from shared.model.projects import GitOps, Project
from shared.services.pushes import Pushes
from shared.services.tables import DELIVERIES, EVENTS, PROJECTS, SYNCS
from tests import hosts
from tests.octokit import deliveries
from tests.payloads import expected

SHOP = GitOps(
    "https://github.com/Codertocat/Hello-World.git", "litmus/shop", branch="master", webhook_secrets=("file:hook",)
)


class Stage:
    """The receiver, its store and its queue."""

    def __init__(self, folder: Path) -> None:
        (folder / "hook").write_text(hosts.SECRET)
        self.database = open_database(folder / "state.db")
        self.store, self.queue = SqliteStore(self.database), SqliteQueue(self.database)
        self.store.commit([PROJECTS.put(Project("shop", "Shop", "", SHOP), "shop")])
        self.pushes = Pushes(self.store, SecretReferences(folder, {}), utc_now, new_id, Metrics().count)

    def deliver(self, event: str, delivery: str, payload: Any) -> Answer:
        """Send one delivery as GitHub does."""
        body = json.dumps(payload).encode()
        sent = hosts.headers("github", event, delivery, body, hosts.SECRET)
        headers = {name.lower(): value for name, value in sent.items()}
        return self.pushes.receive(Call("POST", "/git/shop", {"project": "shop"}, {}, headers, body))

    def messages(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return every message that was sent."""
        claims = self.queue.receive(10_000, 60.0)
        return [(one.message.function, one.message.action, one.message.ids) for one in claims]

    def partitions(self) -> set[str]:
        """Return the partitions that hold anything at all."""
        with self.database.read() as connection:
            return {name for (name,) in connection.execute("SELECT DISTINCT partition FROM record")}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.database.close()


def _answer(event: str, delivery: str, payload: Any) -> int:
    meant = expected("github", event, delivery, payload)
    if isinstance(meant, Push):
        return 202 if meant.ref == "refs/heads/master" else 200
    return 202 if isinstance(meant, Pull) and meant.target == "master" else 200


def test_each_published_delivery_gets_the_right_answer_and_starts_nothing(stage: Stage) -> None:
    published = [(event, f"d-{number}", payload) for number, (event, payload) in enumerate(deliveries())]
    due = [_answer(*one) for one in published]
    assert due == [stage.deliver(*one).status for one in published]
    taken = [delivery for (_, delivery, _), status in zip(published, due, strict=True) if status == 202]
    assert sorted(taken) == sorted(row.key.sort for row in stage.store.query(DELIVERIES.partition("shop"), limit=1000))
    assert {"project", "sync", "delivery/shop", "ledger/shop/delivery"} == stage.partitions()
    asked = {(function, action) for function, action, _ in stage.messages()}
    assert {("sync", "project"), ("sync", "pull")} == asked


def test_each_event_that_github_knows_is_taken_or_ignored_by_its_name(stage: Stage) -> None:
    events = {event: payload for event, payload in deliveries() if event not in {"push", "pull_request"}}
    assert len(events) > 50
    for event, payload in events.items():
        why = stage.deliver(event, event, payload).body
        assert {"ignored": f"the event {event!r} changes no experiment"} == why
    assert [] == stage.messages()
    assert None is SYNCS.load(stage.store, "shop")


def test_a_delivery_leaves_no_more_than_that_it_came_and_a_row(stage: Stage) -> None:
    event, payload = next(one for one in deliveries() if _answer(one[0], "d", one[1]) == 202)
    stage.deliver(event, "d", payload)
    (row,) = stage.store.query(EVENTS.partition("shop", "delivery"))
    (seen,) = stage.store.query(DELIVERIES.partition("shop"))
    assert len(row.value) + len(seen.value) < 1_000
    assert payload["sender"]["login"].encode() not in row.value
