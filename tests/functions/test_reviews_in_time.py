"""Reviews are answered in time though the store hangs, over HTTP; what is lost shows on the metrics and heals."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.edge.metrics import render
from shared.rules.keys import subscriber_key
from shared.services.ledger import stamp
from shared.wire.standard_webhooks import sign
from tests.functions.clusters import Gate, gate, recorded
from tests.servers import SERVERS, ask
from tests.services.chaos_cluster import until


@pytest.fixture(params=sorted(SERVERS))
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gate]:
    with gate(tmp_path, "admission", cast("str", request.param)) as found:
        yield found


@contextmanager
def hanging(door: Gate) -> Iterator[None]:
    """Let whoever writes to the store wait."""
    other = sqlite3.connect(door.folder / "litmus-gitops.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


def review(number: int, image: str = "") -> bytes:
    """Return a review of workload `web-<number>`: as it is, or with another image."""
    found = json.loads(recorded("admission", "deployment-image"))
    request = found["request"]
    request["uid"], request["name"] = new_id(), f"web-{number}"
    for side in ("oldObject", "object"):
        request[side]["metadata"] |= {"name": f"web-{number}", "uid": f"u-{number}"}
    request["object"] = request["object"] if image else request["oldObject"]
    if image:
        request["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return json.dumps(found).encode()


def counted() -> dict[str, int]:
    """Return this process' counts of reviews by outcome."""
    lines = (line.split() for line in render().splitlines() if line.startswith("litmus_gitops_reviews_total{"))
    return {name.split('"')[1]: int(value) for name, value in lines}


def gained(before: dict[str, int]) -> dict[str, int]:
    return {name: value - before.get(name, 0) for name, value in counted().items() if value != before.get(name, 0)}


def send(door: Gate, body: bytes, timeout: str) -> tuple[bool, float]:
    """Return whether it was allowed, and after how many seconds."""
    begun = time.monotonic()
    answer = door.send(body, query=f"?timeout={timeout}").json()["response"]
    return answer["allowed"], time.monotonic() - begun


def test_a_review_is_answered_in_time_though_the_store_hangs_and_is_decided_when_it_is_back(door: Gate) -> None:
    send(door, review(1), "10s")
    door.decide()
    before = counted()
    with hanging(door):
        allowed, seconds = send(door, review(1, "web:2"), "1s")
        assert (True, {"late": 1}) == (allowed, gained(before))
    assert 0.7 < seconds < 1
    until(lambda: gained(before).get("kept"))
    door.decide()
    assert ["triggered"] == [row.verdict for row in door.rows() if row.verdict != "ignored"]
    assert {"late": 1, "kept": 1, "triggered": 1} == gained(before)


@pytest.mark.parametrize("door", ["werkzeug"], indirect=True)
def test_reviews_beyond_what_may_wait_are_answered_at_once_and_heartbeats_find_what_they_told(door: Gate) -> None:
    for number in range(40):
        send(door, review(number), "10s")
    door.decide()
    before, reviews = counted(), [review(number, "web:2") for number in range(40)]
    with hanging(door), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda one: send(door, one, "2s"), reviews))
    assert [True] * 40 == [allowed for allowed, _ in answers]
    assert max(seconds for _, seconds in answers) < 2
    lost = gained(before)
    assert lost["late"] + lost["busy"] == 40
    assert lost["busy"] > 0
    until(lambda: gained(before).get("kept") == lost["late"])
    door.decide()
    assert lost["late"] == gained(before)["triggered"]
    show(door, reviews)
    assert 40 == sum(row.verdict == "triggered" for row in door.rows())


def show(door: Gate, reviews: list[bytes]) -> None:
    """Send the workloads whole, as the cluster's subscriber does when the portal asks for them."""
    objects: list[dict[str, Any]] = [json.loads(one)["request"]["object"] for one in reviews]
    told = [{"id": new_id(), "at": stamp(utc_now), "object": one} for one in objects]
    body = json.dumps({"sightings": told}).encode()
    key = subscriber_key(bytes.fromhex((door.folder / "keys" / "master").read_text()), "c1", 1)
    headers = sign(key, new_id(), int(time.time()), body)
    answer = ask(door.port, "POST", "/changes/c1", body, content_type="application/json", **headers)
    assert 200 == answer.status
