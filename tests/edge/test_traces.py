"""Each line of the log bears the trace that its request belongs to: the caller's, or one that is made for it."""

from __future__ import annotations

import json
import re

import pytest

from shared.model.messages import Message
from shared.model.traces import NAME, TRACE, trace_of, traced
from tests.servers import ask

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def _traces(err: str) -> list[str]:
    lines = [json.loads(text) for text in err.splitlines() if text.startswith("{")]
    return [line["trace"] for line in lines if line.get("route") == "/fail/{kind}"]


def test_every_line_of_a_request_bears_the_callers_trace(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    ask(port, "GET", "/fail/Unexpected", Traceparent=GIVEN)
    ask(port, "GET", "/fail/Misconfigured", Traceparent=GIVEN)
    assert [TRACE_ID] * 4 == _traces(capsys.readouterr().err)


@pytest.mark.parametrize("given", [GIVEN, ""], ids=["the-callers", "its-own"])
def test_what_a_handler_does_is_in_the_trace_that_is_logged(
    port: int, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handed = ask(port, "GET", "/echo/a", Traceparent=given).json()["headers"]["traceparent"]
    [line] = [json.loads(text) for text in capsys.readouterr().err.splitlines() if '"answered"' in text]
    assert line["trace"] == trace_of(handed)
    assert handed != given


@pytest.mark.parametrize("given", ["", "nonsense", GIVEN.upper(), f"{GIVEN}-more"], ids=repr)
def test_a_request_without_a_trace_gets_one_of_its_own(
    port: int, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        ask(port, "GET", "/fail/Misconfigured", Traceparent=given)
    first, same, second, _ = _traces(capsys.readouterr().err)
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first == same != second
    assert TRACE_ID not in {first, second}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(GIVEN, TRACE_ID, id="version-00"),
        pytest.param(f"cc-{TRACE_ID}-00f067aa0ba902b7-01-what-the-future-will-be-like", TRACE_ID, id="a-later-version"),
        pytest.param(f"ff-{TRACE_ID}-00f067aa0ba902b7-01", "", id="version-ff"),
        pytest.param(f"00-{'0' * 32}-00f067aa0ba902b7-01", "", id="no-trace"),
        pytest.param(f"00-{TRACE_ID}-{'0' * 16}-01", "", id="no-span"),
        pytest.param(f"00-{TRACE_ID}-00f067aa0ba902b7", "", id="no-flags"),
        pytest.param(f"{GIVEN}-more", "", id="more-than-version-00-has"),
        pytest.param(f"{GIVEN}\n", "", id="a-line-end"),
    ],
)
def test_a_traceparent_is_read_as_the_standard_says(given: str, expected: str) -> None:
    assert expected == trace_of(given)


def test_a_message_keeps_the_trace_that_it_has() -> None:
    sent = traced(Message("m", "sync", "project", {"project": "shop"}), GIVEN)
    assert {"project": "shop", NAME: GIVEN} == sent.ids
    assert sent == traced(sent, GIVEN.replace("4b", "00"))


def test_outside_of_a_request_there_is_no_trace() -> None:
    assert "" == TRACE.get()
