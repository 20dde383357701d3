"""`workload_audit` as an API server's audit backend meets it: the function itself, over HTTP, with its store."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from infra.local.environment import applied
from tests import feeds
from tests.feeds import FEEDS, FIREHOSE, PUSHED, fixture
from tests.functions.clusters import Gate, gate, recorded

DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"


@dataclass(frozen=True)
class EventHubEvent:
    """A message as a Function gets it from an Event Hub."""

    body: bytes

    def get_body(self) -> bytes:
        return self.body


def documented(name: str) -> Callable[..., None]:
    """Return the function of this name in the document."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        exec(compile(block, DOCUMENT, "exec"), found)  # noqa: S102 - what readers are told to deploy
    function: Callable[..., None] = found[name]
    return function


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Gate]:
    with gate(tmp_path, "audit", "waitress") as found:
        yield found


def test_a_batch_is_taken_and_what_it_tells_is_decided(door: Gate) -> None:
    answer = door.send(recorded("audit", "create-image-scale-env"), query="?timeout=30s")
    assert (200, {"events": 4, "skipped": {}}) == (answer.status, answer.json())
    rows = door.rows()
    assert ["ignored", "triggered", "triggered", "triggered"] == [row.verdict for row in rows]
    assert [row.id for row in rows[1:]] == [ids["change"] for ids in door.asked()]


def test_a_gzipped_batch_is_taken_and_its_repetition_changes_nothing(door: Gate) -> None:
    body = gzip.compress(recorded("audit", "create-image-scale-env"))
    for _ in range(2):
        assert door.send(body, Content_Encoding="gzip").status == 200
    assert len(door.rows()) == 4


def test_events_that_tell_nothing_are_counted_in_the_answer(door: Gate) -> None:
    events = json.loads(recorded("audit", "delete-and-conflict"))
    answer = door.send(json.dumps({**events, "items": [*events["items"], {"auditID": 7}]}).encode())
    assert answer.json() == {"events": 2, "skipped": {"failed": 1, "broken": 1}}


@pytest.mark.parametrize("feed", FEEDS)
def test_a_managed_clusters_log_is_taken_as_its_sender_brings_it(door: Gate, feed: str) -> None:
    media = "application/cloudevents+json" if feed == "gke-structured" else "application/json; charset=utf-8"
    for headers, body in FEEDS[feed](json.loads(recorded("audit", "create-image-scale-env"))["items"]):
        sent = gzip.compress(json.dumps(body).encode())
        answer = door.send(sent, **headers, Content_Type=media, Content_Encoding="gzip")
        assert (200, {}) == (answer.status, answer.json()["skipped"])
    assert ["ignored", "triggered", "triggered", "triggered"] == [row.verdict for row in door.rows()]


def test_firehose_reads_its_requests_id_in_the_answer(door: Gate) -> None:
    answer = door.send(json.dumps(fixture("eks", "firehose__writes")).encode(), **FIREHOSE)
    assert ("application/json", {"events", "skipped", "requestId", "timestamp"}) == (
        answer.headers["Content-Type"],
        set(answer.json()),
    )
    assert list(FIREHOSE.values()) == [answer.json()["requestId"]]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param("handler", (fixture("eks", "lambda__writes"), None), id="a Lambda"),
        pytest.param(
            "main", ([EventHubEvent(json.dumps(fixture("aks", "eventhub__writes")).encode())] * 2,), id="a Function"
        ),
    ],
)
def test_what_the_document_tells_to_deploy_passes_on_what_it_gets(door: Gate, name: str, given: Any) -> None:
    address = f"http://127.0.0.1:{door.port}/audit/c1/"
    with applied({"AUDIT_URL": address + door.token}):
        documented(name)(*given)
    assert ["ignored", "triggered", "triggered", "triggered"] == [row.verdict for row in door.rows()]
    with applied({"AUDIT_URL": address + "x"}), pytest.raises(HTTPError, match="401") as refused:
        documented(name)(*given)
    refused.value.close()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b'{"message": {"data": "!"}, "subscription": "s"}', {}, id="no base64"),
        pytest.param(b'{"message": {"data": "e30="}, "subscription": "s"}', {}, id="no entry"),
        pytest.param(b"null", PUSHED, id="no message"),
    ],
)
def test_a_push_that_can_never_be_read_is_not_asked_for_again(door: Gate, body: bytes, headers: dict[str, str]) -> None:
    answer = door.send(body, **headers)
    assert (200, {"events": 0, "skipped": {"broken": 1}}) == (answer.status, answer.json())


def test_of_a_log_that_many_clusters_share_only_the_named_one_is_heard(door: Gate) -> None:
    push = json.dumps(feeds.push(fixture("gke", "entry__create"))).encode()
    told = [door.send(push, query=f"?name={name}").json() for name in ("staging", "prod")]
    assert [{"events": 0, "skipped": {"other": 1}}, {"events": 1, "skipped": {}}] == told


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"{}", {}, 400, id="something else"),
        pytest.param(recorded("audit", "opt-out-and-in")[:9_000], {}, 400, id="cut off"),
        pytest.param(recorded("admission", "deployment-image"), {}, 400, id="a review"),
        pytest.param(b"{}", {"Content_Type": "text/plain"}, 415, id="another media type"),
        pytest.param(b" " * ((16 << 20) + 1), {}, 413, id="too large"),
        pytest.param(b"{}", {"token": "x" * 43}, 401, id="a wrong token"),
    ],
)
def test_what_is_no_batch_of_ours_is_refused(door: Gate, body: bytes, headers: dict[str, str], status: int) -> None:
    assert status == door.send(body, **headers).status
    assert door.rows() == []
