from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.model.projects import Sink
from shared.rules.sinks import EVENTS, check_sinks, heeds
from shared.rules.urls import check_sink

SINK = Sink("chat", "https://chat.example.org/in", ("run.*",))


@pytest.mark.parametrize(
    ("events", "event", "expected"),
    [
        (("run.completed",), "run.completed", True),
        (("run.completed",), "run.stopped", False),
        (("change.triggered", "run.*"), "run.expired", True),
        (("*",), "order.waiting", True),
        (("*",), "sync.synced", False),
        (("*",), "order.taken", False),
    ],
)
def test_a_sink_hears_what_it_asks_for_and_no_more_than_there_is(
    events: tuple[str, ...], event: str, expected: bool
) -> None:
    assert expected == heeds(Sink("chat", "https://chat.example.org", events), event)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"kind": "webhook"}, "a webhook is signed", id="unsigned"),
        pytest.param({"events": ("run.*", "runs.*")}, r"no event is called 'runs\.\*': there are change", id="unheard"),
    ],
)
def test_a_sink_that_could_never_be_told_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_sinks([Sink(**{"name": "chat", "url": SINK.url, "events": ("run.*",)} | fields)])


def test_sinks_are_told_apart_by_name() -> None:
    check_sinks([SINK, Sink("mail", SINK.url, EVENTS, "webhook", "file:mail")])
    with pytest.raises(Invalid, match="sink chat: another one has this name"):
        check_sinks([SINK, SINK])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://chat.example.org/in", "must be https"),
        ("https://127.0.0.1/in", "must be https"),
        ("https://ada:word@chat.example.org", "by reference"),
        ("https://chat.example.org/in?token=s3cret", "by reference"),
        ("https://chat.example.org/in#here", "by reference"),
        ("mailto:ada@example.com", "no address"),
    ],
)
def test_an_address_that_is_ours_alone_or_shows_a_secret_is_refused(url: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_sink(url, allow_local=False, shown=True)


def test_a_secret_address_may_hold_a_token_and_a_local_one_is_for_those_who_allow_it() -> None:
    check_sink("https://chat.example.org/in?token=s3cret", allow_local=False)
    check_sink("http://127.0.0.1:9/in", allow_local=True, shown=True)
