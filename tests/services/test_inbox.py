"""The way in for messages: who may hand one over, and what happens to it."""

from __future__ import annotations

import pytest

from shared.clients.opening import utc_now
from shared.errors import BadInput, NotKnown, NotYet, Unauthenticated
from shared.model.calls import Call
from shared.model.messages import Message
from shared.rules.keys import internal_key
from shared.services.inbox import Inbox
from shared.wire import cloudevents, standard_webhooks

KEY = internal_key(b"k" * 32)
MESSAGE = Message("m-1", "sync", "project", {"project": "shop"})


def _call(body: bytes, key: bytes = KEY, age: int = 0) -> Call:
    headers = standard_webhooks.sign(key, MESSAGE.id, int(utc_now().timestamp()) - age, body)
    return Call("POST", "/internal/sync", {"function": "sync"}, {}, headers, body)


def _late(_: Message) -> None:
    raise NotYet("git is behind", 2.0)


@pytest.fixture
def done() -> list[Message]:
    return []


@pytest.fixture
def inbox(done: list[Message]) -> Inbox:
    return Inbox(KEY, utc_now, {"project": done.append, "late": _late})


def test_a_signed_message_reaches_the_action_that_it_names(inbox: Inbox, done: list[Message]) -> None:
    answer = inbox(_call(cloudevents.encode(MESSAGE)))
    assert (204, None, [MESSAGE]) == (answer.status, answer.body, done)


def test_a_message_bears_the_trace_that_it_comes_in(inbox: Inbox, done: list[Message]) -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    call = _call(cloudevents.encode(MESSAGE))
    inbox(Call(call.method, call.path, call.params, call.query, {**call.headers, "traceparent": given}, call.body))
    assert [{"project": "shop", "traceparent": given}] == [one.ids for one in done]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(_call(cloudevents.encode(MESSAGE), b"another key"), id="another-key"),
        pytest.param(_call(cloudevents.encode(MESSAGE), age=600), id="old"),
        pytest.param(Call("POST", "/internal/sync", {}, {}, {}, cloudevents.encode(MESSAGE)), id="unsigned"),
        pytest.param(Call("POST", "/", {}, {}, _call(b"{}").headers, cloudevents.encode(MESSAGE)), id="altered"),
    ],
)
def test_what_we_did_not_sign_reaches_nothing(inbox: Inbox, done: list[Message], call: Call) -> None:
    with pytest.raises(Unauthenticated):
        inbox(call)
    assert [] == done


def test_an_action_that_is_not_known_here_is_named_with_those_that_are(inbox: Inbox) -> None:
    with pytest.raises(NotKnown, match="'other' here: this function knows late, project"):
        inbox(_call(cloudevents.encode(Message("m-1", "sync", "other", {}))))


def test_a_signed_body_that_is_no_message_is_named(inbox: Inbox) -> None:
    with pytest.raises(BadInput):
        inbox(_call(b"{}"))


def test_what_an_action_raises_is_the_answer(inbox: Inbox) -> None:
    with pytest.raises(NotYet):
        inbox(_call(cloudevents.encode(Message("m-1", "sync", "late", {}))))
