"""A managed cluster's log is judged as the API server's own audit events are, however it is cut and shuffled."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest

from shared.wire.eks import REQUEST
from tests import feeds
from tests.feeds import FEEDS, FIREHOSE, fixture, lean
from tests.payloads import SEED
from tests.services.watched import House, batch, fields

OPERATIONS = [*batch()["items"], *batch("opt-out-and-in")["items"], *batch("delete-and-conflict")["items"]]
VERDICTS = ["ignored", "triggered", "triggered", "triggered"]


def send(house: House, feed: str, events: list[dict[str, Any]], cluster: str = "c1", *, packed: bool = False) -> None:
    """Let a feed bring these events, in one batch."""
    for headers, body in FEEDS[feed]([lean(event) for event in events]):
        raw = json.dumps(body).encode()
        zipped = {"content-encoding": "gzip"} if packed else {}
        sent = gzip.compress(raw, 1) if packed else raw
        assert 200 == house.hear(sent, cluster, headers={**headers, **zipped}).status


def told(house: House, cluster: str) -> list[dict[str, Any]]:
    """Return what the ledger says of a cluster's changes, without what differs from one feed to the next."""
    rows = [(row, fields(row)) for row in house.rows() if fields(row)["cluster"] == cluster]
    names = ("rule", "operation", "actor", "changed", "experiments", "source")
    return [{"verdict": row.verdict, **{name: detail.get(name) for name in names}} for row, detail in rows]


def known(house: House, cluster: str) -> Any:
    tracked = house.tracked(cluster=cluster)
    return tracked.fact.digest, tracked.fact.generation, tracked.deleted_at


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("size", [1, 3, len(OPERATIONS)])
@pytest.mark.parametrize("feed", FEEDS)
def test_verdicts_are_those_of_the_webhook_in_batches_of_any_size(
    house: House, feed: str, size: int, packed: bool
) -> None:
    house.hear(feeds.event_list(OPERATIONS), "c1")
    for start in range(0, len(OPERATIONS), size):
        send(house, feed, OPERATIONS[start : start + size], "c2", packed=packed)
    assert VERDICTS == [row["verdict"] for row in told(house, "c2")][:4]
    assert (told(house, "c1"), known(house, "c1")) == (told(house, "c2"), known(house, "c2"))


@pytest.mark.parametrize("feed", FEEDS)
def test_what_is_delivered_again_changes_nothing(house: House, feed: str) -> None:
    for _ in range(2):
        send(house, feed, OPERATIONS[:4])
    assert VERDICTS == house.verdicts()
    assert 4 == house.counted["repeat"]


@pytest.mark.parametrize("feed", ["gke", "eks", "aks"])
def test_a_feed_and_another_tell_of_one_change_once(house: House, feed: str) -> None:
    house.hear(batch())
    send(house, feed, OPERATIONS[:4])
    assert VERDICTS == house.verdicts()


@pytest.mark.parametrize("feed", ["eks", "eks-firehose", "aks", "aks-function", "aks-split", "webhook"])
def test_the_order_within_a_body_is_of_no_account(house: House, feed: str) -> None:
    shuffled = OPERATIONS[:4]
    random.Random(SEED).shuffle(shuffled)  # noqa: S311 - an order, no secret
    send(house, feed, shuffled)
    assert VERDICTS == house.verdicts(), SEED


@pytest.mark.parametrize("feed", FEEDS)
def test_what_comes_late_and_again_leads_to_the_same_state_and_starts_nothing_twice(house: House, feed: str) -> None:
    draw = random.Random(SEED)  # noqa: S311 - an order, no secret
    house.hear(feeds.event_list(OPERATIONS[:4]), "c1")
    for event in draw.sample(OPERATIONS[:4] * 2, 8):
        send(house, feed, [event], "c2")
    started = [tuple(row["changed"]) for row in told(house, "c2") if row["verdict"] == "triggered"]
    assert known(house, "c1") == known(house, "c2"), SEED
    assert len(started) <= 3, SEED


@pytest.mark.parametrize("feed", FEEDS)
def test_writes_of_what_is_neither_annotated_nor_tracked_are_only_counted(house: House, feed: str) -> None:
    events = batch()["items"]
    for event in events:
        event["responseObject"]["metadata"].pop("annotations", None)
    send(house, feed, events)
    assert {"not_annotated": 4} == house.counted
    assert 0 == house.store.calls["commit"]


def test_firehose_is_answered_as_it_wants_to_be(house: House) -> None:
    answer = house.hear(fixture("eks", "firehose__writes"), headers=FIREHOSE)
    at = int(house.clock().timestamp() * 1000)
    assert {"events": 4, "skipped": {}, "requestId": FIREHOSE[REQUEST], "timestamp": at} == answer.body


def test_a_broken_push_is_answered_as_taken_and_counted(house: House) -> None:
    answer = house.hear({"message": {"data": "e30="}, "subscription": "s"})
    assert (200, {"events": 0, "skipped": {"broken": 1}}) == (answer.status, answer.body)
    assert {"broken": 1} == house.counted
