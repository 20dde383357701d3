from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.runs import FaultResult, Run
from shared.rules.noting import noted

AT = "2026-01-01T00:00:00Z"
RUN = Run(
    "r1",
    "shop",
    "L",
    "eu",
    "completed",
    AT,
    AT,
    verdict="Pass",
    score=87.5,
    faults=(
        FaultResult("pod-delete", "Pass", 100.0),
        FaultResult("pod-cpu-hog", "Fail", 62.5),
        FaultResult("node-drain", "Pass", measured=False),
    ),
)
LINE = (
    "litmus: Pass, score 87.50: cart on eu: pod-delete Pass 100 %, pod-cpu-hog Fail 62.5 %, node-drain Pass [run r1]\n"
)


def a_run(**changes: Any) -> Run:
    return msgspec.structs.replace(RUN, **changes)


def test_a_run_is_one_line() -> None:
    assert LINE == noted("", RUN, "cart")


def test_runs_of_one_commit_accumulate() -> None:
    other = noted("", a_run(id="r0"), "cart")
    assert other + LINE == noted(other, RUN, "cart")


def test_the_same_run_replaces_its_line_and_leaves_others() -> None:
    note = "written by hand\n" + noted("", a_run(score=1.0), "cart")
    assert "written by hand\n" + LINE == noted(note, RUN, "cart")


def test_a_repeated_note_is_the_same() -> None:
    assert LINE == noted(LINE, RUN, "cart")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(
            a_run(verdict="", state="skipped", score=None, faults=(), message="rollout stuck:\n deadline"),
            "litmus: skipped, not measured: cart on eu: rollout stuck: deadline [run r1]\n",
            id="skipped",
        ),
        pytest.param(
            a_run(verdict="Error", score=None, faults=()),
            "litmus: Error, not measured: cart on eu: no fault was injected [run r1]\n",
            id="nothing known",
        ),
    ],
)
def test_a_run_without_score_says_so(run: Run, expected: str) -> None:
    assert expected == noted("", run, "cart")
