"""How a run in a ChaosCenter stands, from what it shows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.centers import CenterEngine, CenterRun
from shared.rules.center_runs import is_of, over, pause, standing, unstarted
from shared.rules.tickets import ORDER

PROBED: dict[str, Any] = {"probeStatuses": [{"name": "up"}]}


def engine(verdict: str = "Pass", status: str = "completed", **result: Any) -> CenterEngine:
    return CenterEngine("u1", "pod-delete-x", "litmus", "pod-delete", verdict, status, 7, result)


def measured(verdict: str, percentage: str) -> CenterEngine:
    shown = {"verdict": verdict, "probeSuccessPercentage": percentage}
    return engine("Fail", experimentStatus=shown, **PROBED)


def run(phase: str, *engines: CenterEngine, **fields: Any) -> CenterRun:
    return msgspec.structs.replace(CenterRun("r1", "n1", phase, engines=engines), **fields)


@pytest.mark.parametrize(
    ("shown", "state", "verdict", "faults"),
    [
        pytest.param(run("Running", engine("Awaited", "running")), "running", "Awaited", [("Awaited", None)], id="on"),
        pytest.param(run("Running"), "running", "Awaited", [], id="before the first engine"),
        pytest.param(run("Pending"), "running", "Awaited", [], id="created and not begun"),
        pytest.param(run("Completed", measured("Pass", "80")), "completed", "Pass", [("Pass", 80.0)], id="its result"),
        pytest.param(run("Completed", engine()), "completed", "Pass", [("Pass", 100.0)], id="a verdict alone"),
        pytest.param(
            run("Completed_With_Probe_Failure", measured("Fail", "0")),
            "completed",
            "Fail",
            [("Fail", 0.0)],
            id="failed",
        ),
        pytest.param(run("Error", engine("")), "error", "Error", [("Error", 0.0)], id="an engine without a verdict"),
        pytest.param(run("Stopped", measured("Stopped", "0")), "stopped", "Stopped", [("Stopped", 0.0)], id="stopped"),
        pytest.param(run("Skipped"), "error", "Error", [], id="skipped"),
    ],
)
def test_a_run_stands_as_one_in_a_cluster_of_our_own(
    shown: CenterRun, state: str, verdict: str, faults: list[tuple[str, float | None]]
) -> None:
    found = standing(shown, overdue=False)
    assert (state, verdict) == (found.state, found.verdict)
    assert faults == [(one.verdict, one.probe_success_percentage) for one in found.faults]
    assert over(shown) == found.ended


def test_a_run_that_outstays_its_time_needs_attention_and_has_not_ended() -> None:
    found = standing(run("Running", engine("Awaited", "running")), overdue=True)
    assert ("needs_attention", False) == (found.state, found.ended)


@pytest.mark.parametrize("phase", ["", "NA", "Queued"])
def test_nothing_is_known_to_be_in_the_cluster_yet(phase: str) -> None:
    assert unstarted(run(phase))
    assert not unstarted(run("Running"))


def test_a_run_is_of_the_order_whose_mark_its_manifest_bears() -> None:
    shown = run("Running", labels={ORDER: "o-1"})
    assert (True, False, False) == (is_of(shown, "o-1"), is_of(shown, "o-2"), is_of(run("Running"), "o-1"))


@pytest.mark.parametrize(("age", "seconds"), [(0, 5), (50, 5), (123.4, 12), (7000, 60), (7201, 600)])
def test_looks_grow_rarer_with_a_runs_age(age: float, seconds: float) -> None:
    assert seconds == pause(age)
