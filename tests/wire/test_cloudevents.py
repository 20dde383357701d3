from __future__ import annotations

import json

import pytest

from shared.errors import BadInput
from shared.model.messages import Message
from shared.model.traces import traced
from shared.wire import cloudevents

MESSAGE = Message("m-1", "sync", "project", {"project": "shop"})


def test_a_message_survives_the_journey() -> None:
    assert MESSAGE == cloudevents.decode(cloudevents.encode(MESSAGE))


def test_a_message_is_a_cloudevent_of_version_1_0() -> None:
    event = json.loads(cloudevents.encode(MESSAGE))
    assert {"specversion": "1.0", "id": "m-1", "type": "org.litmuschaos.gitops.sync.project"}.items() <= event.items()


def test_a_trace_is_an_attribute_and_no_record() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = json.loads(cloudevents.encode(traced(MESSAGE, trace)))
    assert (trace, {"project": "shop"}) == (event["traceparent"], event["data"])
    assert MESSAGE == cloudevents.decode(cloudevents.encode(traced(MESSAGE, trace)))
    assert "traceparent" not in json.loads(cloudevents.encode(MESSAGE))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b'{"id":"m","deep":' + b"[" * 100_000, id="deeper-than-the-stack"),
        pytest.param(b'{"id":"m"}', id="incomplete"),
        pytest.param(b'{"id":"m","type":"com.other.thing","source":"/","data":{}}', id="another-type"),
        pytest.param(b'{"id":"m","type":"org.litmuschaos.gitops.sync","source":"/","data":{}}', id="no-action"),
        pytest.param(b'{"id":"m","type":"org.litmuschaos.gitops.a.b","source":"/","data":{"a":1}}', id="no-ids"),
    ],
)
def test_what_is_no_message_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="CloudEvent"):
        cloudevents.decode(body)
