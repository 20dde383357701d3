from __future__ import annotations

import json
from typing import Any

import pytest

from shared.wire.notifier import Notification, answer, read_notification, refusal

INLINE = """mutation {
  gitopsNotifier(clusterInfo: {infraID: "c1", version: "3.31.0", accessKey: "k"}, experimentID: "kill")
}"""
VARIABLES = """mutation Notify($info: InfraIdentity!, $id: ID!) {
  gitopsNotifier(clusterInfo: $info, experimentID: $id)
}"""
INFO = {"infraID": "c1", "version": "3.31.0", "accessKey": "k"}
TOLD = Notification("c1", "k", "kill")


def body(query: Any, **parts: Any) -> bytes:
    return json.dumps({"query": query} | parts).encode()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(body(INLINE), id="as the tracker writes it"),
        pytest.param(body(VARIABLES, variables={"info": INFO, "id": "kill"}), id="with variables"),
        pytest.param(body(VARIABLES, variables={"info": INFO, "id": "kill"}, operationName="Notify"), id="named"),
        pytest.param(
            body("query Other { a }\n" + VARIABLES, variables={"info": INFO, "id": "kill"}, operationName="Notify"),
            id="one of two operations",
        ),
        pytest.param(
            body(INLINE.replace('infraID: "c1"', 'infraID: "c\\u0031"')),
            id="with an escape",
        ),
    ],
)
def test_a_notification_is_read(sent: bytes) -> None:
    assert TOLD == read_notification(sent)


def test_an_alias_is_answered_under_its_name() -> None:
    found = read_notification(body(INLINE.replace("gitopsNotifier(", "told: gitopsNotifier(")))
    assert found is not None
    assert {"data": {"told": "run r"}} == answer(found, "run r")
    assert "why" == refusal("why")["errors"][0]["message"]  # type: ignore[index]


def test_the_access_key_is_not_shown() -> None:
    assert "k-e-y" not in repr(Notification("c1", "k-e-y", "kill"))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(body("subscription { infraConnect(request: {}) { action } }"), id="the subscriber's own"),
        pytest.param(body('query { a(text: "gitopsNotifier(") }'), id="only words of it"),
        pytest.param(body(INLINE.replace("mutation", "query")), id="no mutation"),
        pytest.param(body(INLINE.replace("}\n}", "}\n b }").replace(")\n}", ")\n b\n}")), id="not alone"),
        pytest.param(body("mutation { ... on Mutation { gitopsNotifier } }"), id="in a fragment"),
        pytest.param(body("mutation { gitopsNotifier }"), id="without arguments"),
        pytest.param(body(INLINE.replace('"kill"', "7")), id="no text"),
        pytest.param(body(INLINE.replace('"kill"', '""')), id="empty"),
        pytest.param(body(INLINE.replace('"kill"', '"' + "x" * 300 + '"')), id="too long"),
        pytest.param(body(VARIABLES, variables={"info": "c1", "id": "kill"}), id="no cluster info"),
        pytest.param(body(VARIABLES), id="without the variables"),
        pytest.param(body(INLINE + INLINE), id="two operations, none named"),
        pytest.param(body(INLINE, operationName="Other"), id="another one named"),
        pytest.param(body("{" * 5000), id="too many words"),
        pytest.param(body("mutation {"), id="no GraphQL"),
        pytest.param(body(7), id="no query"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_all_else_is_not_for_us(sent: bytes) -> None:
    assert read_notification(sent) is None
