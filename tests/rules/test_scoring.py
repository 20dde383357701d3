from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.runs import FaultResult, RunState
from shared.rules.scoring import Score, score


def fault(verdict: str, percentage: float | None = None, weight: int = 10, *, measured: bool = True) -> FaultResult:
    return FaultResult("pod-delete", verdict, percentage, weight, measured)


@pytest.mark.parametrize(
    ("state", "said", "faults", "expected"),
    [
        pytest.param("completed", "Pass", [fault("Pass", 100)], Score("Pass", 100.0), id="all held"),
        pytest.param("completed", "Fail", [fault("Fail", 0)], Score("Fail", 0.0), id="nothing held"),
        pytest.param(
            "completed",
            "Fail",
            [fault("Pass", 100), fault("Pass", 100), fault("Fail", 0)],
            Score("Fail", 66.66),
            id="truncated, not rounded",
        ),
        pytest.param(
            "completed", "Fail", [fault("Pass", 100, 3), fault("Fail", 50, 1)], Score("Fail", 87.5), id="by weight"
        ),
        pytest.param("completed", "Pass", [fault("Pass", 29.0, 7)], Score("Pass", 29.0), id="floats do not drift"),
        pytest.param(
            "completed", "Pass", [fault("Pass", measured=False)], Score("Pass", 100.0), id="no probe and Pass is 100"
        ),
        pytest.param(
            "completed", "Fail", [fault("Fail", measured=False)], Score("Fail", 0.0), id="no probe and Fail is 0"
        ),
        pytest.param(
            "completed",
            "Fail",
            [fault("Fail", 100, measured=False)],
            Score("Fail", 0.0),
            id="a percentage that was not measured does not count",
        ),
        pytest.param(
            "completed",
            "Pass",
            [fault("Pass", 100), fault("NotMeasured")],
            Score("NotMeasured"),
            id="an unresolved probe leaves no score",
        ),
        pytest.param("completed", "Pass", [], Score("NotMeasured"), id="no fault, nothing measured"),
        pytest.param("completed", "Pass", [fault("Pass", 100, 0)], Score("Pass"), id="no weight at all, no score"),
        pytest.param("completed", "", [fault("Pass", 90), fault("Fail", 10)], Score("Fail", 50.0), id="worst fault's"),
        pytest.param("completed", "Splendid", [fault("Pass", 90)], Score("Pass", 90.0), id="an unknown verdict"),
        pytest.param("completed", "Awaited", [fault("Awaited", 90)], Score("Error", 90.0), id="awaited at the end"),
        pytest.param("error", "Error", [], Score("Error"), id="an error without faults"),
        pytest.param("error", "", [], Score("Error"), id="an error without a word"),
        pytest.param("stopped", "Stopped", [fault("Stopped", 20)], Score("Stopped", 20.0), id="stopped"),
        pytest.param("running", "Pass", [fault("Pass", 100)], Score("Awaited"), id="running"),
        pytest.param("queued", "", [], Score("Awaited"), id="queued"),
        pytest.param("needs_attention", "Fail", [fault("Fail", 10)], Score("Fail", 10.0), id="needs attention"),
        pytest.param("skipped", "Pass", [], Score(""), id="skipped"),
        pytest.param("expired", "", [], Score(""), id="expired"),
    ],
)
def test_a_run_is_scored_by_what_its_probes_measured(
    state: RunState, said: str, faults: list[FaultResult], expected: Score
) -> None:
    assert expected == score(state, said, faults)


@given(
    st.lists(st.tuples(st.integers(1, 1000), st.decimals(0, 100, places=2, allow_nan=False)), min_size=1, max_size=20)
)
def test_the_score_is_the_weighted_mean_truncated_once(measured: list[tuple[int, Decimal]]) -> None:
    found = score("completed", "Pass", [fault("Pass", float(p), w) for w, p in measured])
    mean = sum(w * Fraction(p) for w, p in measured) / sum(w for w, _ in measured)
    assert int(mean * 100) == round((found.value or 0) * 100)
