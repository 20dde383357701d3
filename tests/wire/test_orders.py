from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.errors import BadInput
from shared.model.changes import Changed
from shared.model.orders import Guard, Order, Target
from shared.rules.keys import shown, subscriber_key
from shared.wire.orders import read_order, signed, write_order
from shared.wire.standard_webhooks import verify

KEY = subscriber_key(b"m" * 32, "c1", 1)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STOP = Order("01J-1", "shop", "kill", "stop", "2026-11-23T13:00:00.000Z", traceparent="00-1-2-01")
GUARD = Guard(Target("Deployment", "shop", "web"), "u-1", (Changed("spec.replicas", "ab" * 32),), "5m")
RUN = Order(
    "01J-2",
    "shop",
    "kill",
    "run",
    "2026-11-23T13:00:00.000Z",
    manifest="kind: Workflow\n",
    digest="cd" * 32,
    guard=GUARD,
    traceparent="00-1-2-01",
    parameters={"run": "01J-2"},
)
TEXT = st.text(max_size=20)


def test_what_an_order_lacks_is_left_out_and_its_guard_is_null() -> None:
    expected = {
        "order": "01J-1",
        "project": "shop",
        "experiment": "kill",
        "action": "stop",
        "guard": None,
        "not_after": "2026-11-23T13:00:00.000Z",
        "traceparent": "00-1-2-01",
    }
    assert expected == json.loads(write_order(STOP))


def test_an_order_has_the_contracts_shape() -> None:
    expected = {
        "order": "01J-2",
        "project": "shop",
        "experiment": "kill",
        "action": "run",
        "manifest": "kind: Workflow\n",
        "digest": "cd" * 32,
        "guard": {
            "workload": {"kind": "Deployment", "namespace": "shop", "name": "web"},
            "uid": "u-1",
            "changed": [{"path": "spec.replicas", "digest": "ab" * 32}],
            "wait": "5m",
        },
        "not_after": "2026-11-23T13:00:00.000Z",
        "traceparent": "00-1-2-01",
        "parameters": {"run": "01J-2"},
    }
    assert expected == json.loads(write_order(RUN))


@pytest.mark.parametrize("order", [pytest.param(STOP, id="stop"), pytest.param(RUN, id="run")])
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert order == read_order(write_order(order))


@given(
    st.builds(
        Order,
        order=st.text(min_size=1, max_size=20),
        project=st.text(min_size=1, max_size=20),
        experiment=TEXT,
        not_after=st.just("2026-11-23T13:00:00Z"),
        manifest=st.none() | st.text(),
        digest=st.none(),
        guard=st.none()
        | st.builds(
            Guard, workload=st.builds(Target, TEXT, TEXT, TEXT), uid=st.text(min_size=1, max_size=9), wait=st.just("1m")
        ),
        traceparent=TEXT,
        parameters=st.dictionaries(TEXT, st.integers() | TEXT | st.booleans(), max_size=3),
    )
)
def test_any_order_survives_the_journey(order: Order) -> None:
    assert order == read_order(write_order(order))


def test_an_independent_verifier_accepts_a_signed_order() -> None:
    now = datetime.now(UTC)
    headers, body = signed(RUN, KEY, now.timestamp())
    assert Webhook(shown(KEY)).verify(body.decode(), headers)["order"] == "01J-2"


def test_the_orders_id_is_the_messages_id() -> None:
    headers, body = signed(RUN, KEY, NOW.timestamp())
    assert verify([KEY], headers, body, NOW.timestamp()) == "01J-2"
    assert headers["content-type"] == "application/json"


def broken(**changes: Any) -> bytes:
    return json.dumps(json.loads(write_order(RUN)) | changes).encode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"[]", "object", id="a list"),
        pytest.param(b"\xff", "this is no order", id="no UTF-8"),
        pytest.param(b"{}", "order", id="nothing in it"),
        pytest.param(broken(action="explode"), "action", id="an unknown action"),
        pytest.param(broken(order=""), "order", id="no id"),
        pytest.param(broken(not_after="tomorrow"), "not_after", id="no time"),
        pytest.param(broken(digest="xyz"), "digest", id="no digest"),
        pytest.param(broken(guard={"uid": "u"}), "guard", id="half a guard"),
        pytest.param(write_order(RUN)[:-9], "truncated", id="cut off"),
        pytest.param(b'{"parameters":{"a":' + b"[" * 100_000, "recursion", id="nested without end"),
    ],
)
def test_what_is_no_order_is_refused_by_name(body: bytes, named: str) -> None:
    with pytest.raises(BadInput, match="this is no order") as caught:
        read_order(body)
    assert named in str(caught.value)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        lambda x: json.dumps(x).encode()
    )
)
def test_any_bytes_give_an_order_or_bad_input(body: bytes) -> None:
    with suppress(BadInput):
        read_order(body)
