from __future__ import annotations

from typing import Any

import pytest

from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from shared.services.api.sinks import SinkDesk
from tests.services.api.conftest import Api, body, client

SINKS = "/projects/shop/sinks"
CHAT = {
    "name": "chat",
    "url": "https://chat.example.org/in",
    "events": ["run.*"],
    "kind": "webhook",
    "secret": "file:hook",
}


@pytest.fixture
def api(desk: Desk) -> Api:
    call = client([*Projects(desk).operations(), *SinkDesk(desk).operations()])
    call("POST", "/projects", {"id": "shop", "name": "Shop"})
    return call


def test_sinks_are_replaced_as_a_whole_and_shown_with_references_alone(api: Api) -> None:
    assert {"items": [], "next": None} == body(api("GET", SINKS))
    bus = {"name": "bus", "url": "env:LITMUS_GITOPS_SECRET_BUS", "events": ["*"]}
    assert 200 == api("PUT", SINKS, [CHAT, bus]).status
    assert [CHAT, bus | {"kind": "cloudevents", "secret": None}] == body(api("GET", SINKS))["items"]
    assert {"items": [CHAT], "next": None} == body(api("PUT", SINKS, [CHAT]))
    assert [] == body(api("PUT", SINKS, []))["items"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sinks": []},
        [CHAT, CHAT],
        [CHAT | {"name": "Chat room"}],
        [CHAT | {"secret": None}],
        [CHAT | {"secret": "whsec_abc"}],
        [CHAT | {"events": []}],
        [CHAT | {"events": ["runs.completed"]}],
        [CHAT | {"kind": "mail"}],
        [CHAT | {"url": "https://chat.example.org/in?token=s3cret"}],
        [CHAT | {"url": "file:///etc/passwd"}],
        [CHAT | {"color": "red"}],
        [CHAT | {"name": f"chat-{number}"} for number in range(21)],
    ],
    ids=str,
)
def test_wrong_sinks_are_refused_and_change_nothing(api: Api, wrong: Any) -> None:
    api("PUT", SINKS, [CHAT])
    answer = api("PUT", SINKS, wrong)
    assert 422 == answer.status
    assert "s3cret" not in str(answer.body)
    assert [CHAT] == body(api("GET", SINKS))["items"]
