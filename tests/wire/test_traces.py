from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.traces import valid
from shared.wire.traces import continued

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(GIVEN, GIVEN, id="the standard's own example"),
        pytest.param(f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00", id="not sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-ff", GIVEN, id="flags of later times are not passed on"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01", GIVEN, id="a later version is taken as ours"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", GIVEN, id="and what it adds is left"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01.what-the-future-brings", "", id="a later version that adds no field"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", "", id="version 00 has four fields"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", "", id="version ff is forbidden"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", "", id="a trace of zeros"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", "", id="a span of zeros"),
        pytest.param(GIVEN.upper(), "", id="upper case"),
        pytest.param(f"0-{TRACE}-{SPAN}-01", "", id="a short version"),
        pytest.param(f"00-{TRACE[1:]}-{SPAN}-01", "", id="a short trace"),
        pytest.param(f"00-{TRACE}-{SPAN[1:]}-01", "", id="a short span"),
        pytest.param(f"00-{TRACE}-{SPAN}-1", "", id="short flags"),
        pytest.param(f"00-{TRACE}-{SPAN}", "", id="no flags"),
        pytest.param(f"00_{TRACE}_{SPAN}_01", "", id="another separator"),
        pytest.param(f"00-{TRACE[:-1]}g-{SPAN}-01", "", id="no hexadecimal digit"),
        pytest.param(f"{GIVEN},{GIVEN}", "", id="two headers, as servers join them"),
        pytest.param(f"{GIVEN}\n", "", id="a line's end"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01-\r\nx: y", GIVEN, id="a line's end where the future may be"),
        pytest.param(f"00-{TRACE[:-1]}\u0661-{SPAN}-01", "", id="a digit of another script"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_trace_context_is_taken_or_it_is_as_good_as_none(text: str, expected: str) -> None:
    assert (expected, expected) == (valid(text), continued({"traceparent": text}))


def test_a_call_without_the_header_continues_no_trace() -> None:
    assert continued({"tracestate": "a=b"}) == ""


@given(st.text(max_size=80) | st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z"))
def test_what_is_taken_is_of_version_00_and_taken_again_as_it_is(text: str) -> None:
    found = valid(text)
    assert found == valid(found)
    assert not found or re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", found)
