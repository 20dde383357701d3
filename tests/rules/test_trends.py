from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.runs import Concluded
from shared.rules.trends import Trend, seconds, trend

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(score: float | None = 100.0, verdict: str = "Pass", took: float | None = None, **fields: Any) -> Concluded:
    """Return a run that took so many seconds from a trigger, or whose trigger nobody knows."""
    ended, begun = (moment.isoformat() for moment in (NOW, NOW - timedelta(seconds=took or 0)))
    told = {"run": "r", "cluster": "c1", "state": "completed", "ended_at": ended, "cause": "push"}
    told |= {"triggered_at": "" if took is None else begun}
    return Concluded(**told | {"score": score, "verdict": verdict} | fields)


def test_without_a_run_nothing_is_known() -> None:
    assert Trend(0, 0, None, None, "unknown", None, None) == trend([])


def test_only_what_completed_with_a_score_is_measured() -> None:
    history = [
        run(90.0),
        run(45.5, "Fail"),
        run(None, "NotMeasured"),
        run(0.0, "Error", state="error"),
        run(0.0, "Stopped", state="stopped"),
        run(50.0),
    ]
    found = trend(history)
    assert (6, 3, 66.67, 61.83) == (found.runs, found.measured, found.pass_rate, found.mean_score)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([100, 0, 0], "unknown", id="three-are-too-few"),
        pytest.param([90, 90, 80, 80], "rising", id="the-newer-half-is-better"),
        pytest.param([80, 80, 90, 90], "falling", id="the-newer-half-is-worse"),
        pytest.param([81, 81, 80, 80], "steady", id="one-point-up"),
        pytest.param([80, 80, 81, 81], "steady", id="one-point-down"),
        pytest.param([81.01, 81.01, 80, 80], "rising", id="more-than-a-point-up"),
        pytest.param([80, 80, 81.01, 81.01], "falling", id="more-than-a-point-down"),
        pytest.param([80, 80, 0, 80, 80], "steady", id="the-middle-of-five-is-in-no-half"),
        pytest.param([50] * 20 + [100] * 20, "steady", id="older-than-the-last-twenty"),
        pytest.param([90] * 10 + [50] * 10 + [100] * 80, "rising", id="the-last-twenty-alone"),
    ],
)
def test_the_newer_half_is_compared_with_the_older_one(scores: list[float], expected: str) -> None:
    assert expected == trend([run(score) for score in scores]).direction


def test_runs_that_measured_nothing_are_in_no_half() -> None:
    history = [
        run(90.0),
        run(None),
        run(0.0, state="error"),
        run(90.0),
        run(80.0),
        run(0.0, state="stopped"),
        run(80.0),
    ]
    assert "rising" == trend(history).direction


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        pytest.param([7.0], (7.0, 7.0), id="one"),
        pytest.param([1.0, None, 4.0], (1.0, 4.0), id="one-of-a-schedule"),
        pytest.param([float(n) for n in range(20, 0, -1)], (10.0, 19.0), id="twenty"),
        pytest.param([float(n) for n in range(1, 101)], (50.0, 95.0), id="a-hundred"),
        pytest.param([None], (None, None), id="nobody-knows"),
    ],
)
def test_the_time_from_trigger_to_verdict_is_told_by_its_median_and_95th_percentile(
    took: list[float | None], expected: tuple[float | None, float | None]
) -> None:
    found = trend([run(took=one) for one in took])
    assert expected == (found.median_seconds, found.p95_seconds)


def test_what_came_to_no_verdict_has_no_time_to_it() -> None:
    found = trend([run(took=5.0), run(None, "NotMeasured", took=3.0), run(took=900.0, state="stopped")])
    assert (3.0, 5.0) == (found.median_seconds, found.p95_seconds)


def test_seconds_are_counted_over_zones_and_fractions() -> None:
    ended = "2026-11-23T12:00:00.250Z"
    assert 0.25 == seconds(run(ended_at=ended, triggered_at="2026-11-23T13:00:00+01:00"))
    assert seconds(run()) is None


@given(st.lists(st.floats(0, 100), min_size=4, max_size=30))
def test_time_turned_round_turns_the_direction_round(scores: list[float]) -> None:
    newest = scores[:20]
    turned = {"rising": "falling", "falling": "rising", "steady": "steady"}
    assert turned[trend([run(one) for one in newest]).direction] == trend([run(one) for one in newest[::-1]]).direction
