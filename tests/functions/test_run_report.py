"""`run_report` as subscribers meet it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functions.dispatch_and_reports import Pair

AT = "2026-11-23T12:00:00Z"


def ordered(pair: Pair) -> str:
    pair.deliver(pair.change())
    pair.work()
    return pair.runs()[-1].id


def report(order: str, state: str, **fields: Any) -> dict[str, Any]:
    return {"order": order, "run": order, "state": state, "phase": "", "verdict": "", "message": "", "at": AT} | fields


def test_a_run_is_reported_to_its_end_and_scored(pair: Pair) -> None:
    order = ordered(pair)
    faults = [{"name": "a", "verdict": "Pass", "probe_success_percentage": 50, "weight": 10, "measured": True}]
    for state in ("waiting", "running", "completed", "completed", "running"):
        answer = pair.subscriber("POST", "/reports/c1", report(order, state, verdict="Pass", faults=faults))
        assert 200 == answer.status
    assert ("completed", "Pass", 50.0) == (pair.runs()[-1].state, pair.runs()[-1].verdict, pair.runs()[-1].score)


def test_a_heartbeat_is_answered(pair: Pair) -> None:
    answer = pair.subscriber("POST", "/reports/c1", {"heartbeat": {"at": AT}})
    assert (200, [], ["at", "send", "plain", "moved"]) == (answer.status, answer.json()["send"], list(answer.json()))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(report("gone", "running"), {}, 404, id="an unknown order"),
        pytest.param({"state": "fine"}, {}, 400, id="no report"),
        pytest.param(b"\xff{", {}, 400, id="no JSON"),
        pytest.param(report("gone", "running"), {"webhook_signature": "v1,x"}, 401, id="wrongly signed"),
        pytest.param(report("gone", "running"), {"webhook_timestamp": "1"}, 401, id="long ago"),
        pytest.param(report("gone", "running"), {"content_type": "text/plain"}, 415, id="text"),
        pytest.param(b"x" * (1 << 20) + b"x", {}, 413, id="over the limit"),
    ],
)
def test_what_is_no_report_changes_nothing(pair: Pair, body: Any, headers: dict[str, str], status: int) -> None:
    before = pair.runs()
    answer = pair.subscriber("POST", "/reports/c1", body, **headers)
    assert (status, before) == (answer.status, pair.runs())
    assert answer.headers["content-type"] == "application/problem+json"
