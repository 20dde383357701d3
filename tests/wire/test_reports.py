from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.model.runs import FaultResult, Report
from shared.wire.reports import read_report, write_heartbeat, write_report

REPORT = Report(
    "01J-2",
    "kill-01j",
    "completed",
    "2026-11-23T12:00:00.000Z",
    phase="Succeeded",
    verdict="Fail",
    faults=(FaultResult("pod-delete", "Fail", 50.0, 20), FaultResult("cpu", "Pass", None, 10, measured=False)),
    message="done",
)
HEARTBEAT = Heartbeat(
    "2026-11-23T12:00:00.000Z", "0.1.0", ("poll",), (SeenWorkload("Deployment", "shop", "web", "u", "d", 3),)
)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        pytest.param(REPORT, write_report(REPORT), id="report"),
        pytest.param(HEARTBEAT, write_heartbeat(HEARTBEAT), id="heartbeat"),
    ],
)
def test_what_was_written_is_read(value: Report | Heartbeat, body: bytes) -> None:
    assert value == read_report(body)


def test_a_report_needs_no_more_than_what_it_is_about() -> None:
    body = b'{"order":null,"run":"nightly-1","state":"running","at":"2026-11-23T13:00:00+01:00"}'
    assert Report(None, "nightly-1", "running", "2026-11-23T12:00:00.000Z") == read_report(body)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("ab" * 20, "ab" * 20, id="a commit"),
        pytest.param("ab" * 16, "", id="what a label held of a longer one"),
        pytest.param("../../x", "", id="no commit"),
    ],
)
def test_only_a_whole_commit_is_one_that_was_installed(written: str, expected: str) -> None:
    report = read_report(changed(commit=written))
    assert isinstance(report, Report)
    assert expected == report.commit


def test_a_percentage_may_be_written_as_litmus_writes_it() -> None:
    fault = {"name": "a", "verdict": "Pass", "probe_success_percentage": "66.5", "weight": 10, "measured": True}
    report = read_report(changed(faults=[fault], message=None, phase=None, verdict=None))
    assert isinstance(report, Report)
    assert (FaultResult("a", "Pass", 66.5),) == report.faults


def test_a_long_message_is_cut() -> None:
    report = read_report(changed(message="x" * 100_000))
    assert isinstance(report, Report)
    assert len(report.message) == 2000


def test_a_heartbeat_needs_only_its_time() -> None:
    assert Heartbeat("2026-11-23T12:00:00.000Z") == read_report(b'{"heartbeat":{"at":"2026-11-23T12:00:00Z"}}')


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(write_report(REPORT)) | changes).encode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"[]", "object", id="a list"),
        pytest.param(b'{"a":"\xff"}', "neither", id="no UTF-8"),
        pytest.param(b"{}", "order", id="nothing in it"),
        pytest.param(changed(state="fine"), "state", id="an unknown state"),
        pytest.param(changed(at="2026-11-23T12:00:00"), "time zone", id="no time zone"),
        pytest.param(changed(at="0001-01-01T00:00:00+23:59"), "neither", id="before time"),
        pytest.param(changed(run="../x"), "run", id="a run that is no id"),
        pytest.param(changed(faults=[{"name": "a", "weight": -1}]), "weight", id="a negative weight"),
        pytest.param(changed(faults=[{"name": "a", "probe_success_percentage": 101}]), "percentage", id="over 100"),
        pytest.param(b'{"heartbeat":{}}', "at", id="a heartbeat without a time"),
        pytest.param(b'{"heartbeat":1}', "heartbeat", id="a number for a heartbeat"),
        pytest.param(b'{"a":' + b"[" * 100_000, "neither", id="nested without end"),
    ],
)
def test_what_is_no_report_is_refused_by_name(body: bytes, named: str) -> None:
    with pytest.raises(BadInput, match="neither a report nor a heartbeat") as caught:
        read_report(body)
    assert named in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["order", "run", "state", "at", "faults", "score", "phase", "message", "heartbeat"])


@given(st.binary(max_size=100) | st.dictionaries(KEYS, JSON).map(lambda x: changed(**x)))
def test_any_bytes_give_a_report_or_bad_input(body: bytes) -> None:
    with suppress(BadInput):
        read_report(body)
