from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from cloudevents.conversion import to_dict
from cloudevents.http import from_http
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.errors import BadInput
from shared.model.ledger import Event, Link
from shared.model.runs import Run
from shared.wire.announcements import Announcement, wired

AT = "2026-01-01T00:00:00.000Z"
EVENT = Event("e1", AT, "run", "completed", "it ended", "kill", {"score": 87.5}, (Link("run", "r1"),))
RUN = Run("r1", "shop", "kill", "c1", "completed", AT, AT, "Pass", 87.5)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOLD = Announcement("shop", EVENT, "https://portal.example.org/api/projects/shop", TRACE, RUN)
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
DATA: dict[str, Any] = {
    "project": "shop",
    "id": "e1",
    "at": AT,
    "kind": "run",
    "verdict": "completed",
    "reason": "it ended",
    "subject": "kill",
    "detail": {"score": 87.5},
    "links": [{"rel": "run", "id": "r1"}],
    "run": msgspec.json.decode(msgspec.json.encode(RUN)),
}


def test_a_cloud_event_says_what_the_ledger_holds() -> None:
    headers, body = wired(TOLD, "cloudevents", [], time.time())
    event = dict(to_dict(from_http(headers, body)))
    assert "2026-01-01T00:00:00" == event.pop("time")[:19]
    assert {
        "specversion": "1.0",
        "id": "e1",
        "type": "org.litmuschaos.gitops.run.completed",
        "source": "https://portal.example.org/api/projects/shop",
        "subject": "kill",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": DATA,
    } == event
    assert {"content-type": "application/cloudevents+json", "traceparent": TRACE} == headers


def test_a_webhook_says_the_same_as_its_standard_has_it() -> None:
    headers, body = wired(TOLD, "webhook", [OLD], time.time())
    expected = {"type": "run.completed", "timestamp": AT, "data": DATA}
    assert expected == Webhook(OLD).verify(body, headers)
    assert ("e1", "application/json") == (headers["webhook-id"], headers["content-type"])


def test_what_is_about_no_experiment_is_about_the_project_and_no_run_is_none() -> None:
    told = msgspec.structs.replace(TOLD, event=msgspec.structs.replace(EVENT, subject=""), run=None)
    event = msgspec.json.decode(wired(told, "cloudevents", [], 0)[1])
    assert ("shop", None) == (event["subject"], event["data"]["run"])


@pytest.mark.parametrize("secrets", [[NEW, OLD], [OLD, NEW]], ids=["new first", "old first"])
def test_each_secret_signs(secrets: list[str]) -> None:
    headers, body = wired(TOLD, "webhook", secrets, time.time())
    assert Webhook(OLD).verify(body, headers) == Webhook(NEW).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "AAAA" * 8).verify(body, headers)


def test_a_secret_that_is_none_is_refused_without_being_told() -> None:
    with pytest.raises(BadInput) as refused:
        wired(TOLD, "webhook", ["whsec_s3cret!"], 0)
    assert "s3cret" not in str(refused.value)
