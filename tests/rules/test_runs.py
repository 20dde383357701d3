from __future__ import annotations

from itertools import pairwise, product
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.runs import FaultResult, Report, Run, RunState
from shared.rules.runs import OVER, ended, merged, moves, told

RUN = Run("r", "shop", "kill", "c1", "queued", "2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z")
STATES: tuple[RunState, ...] = get_args(RunState)


def at(second: int) -> str:
    return f"2026-11-23T12:{second // 60:02}:{second % 60:02}.000Z"


def report(state: RunState, second: int = 1, **more: object) -> Report:
    return msgspec.convert({"order": "o", "run": "r", "state": state, "at": at(second)} | more, Report)


def run(state: RunState, second: int = 0) -> Run:
    return msgspec.structs.replace(RUN, state=state, reported_at=at(second))


@pytest.mark.parametrize(
    ("was", "to", "expected"),
    [
        pytest.param("queued", "waiting", True, id="waiting for its rollout"),
        pytest.param("queued", "completed", True, id="reports in between were lost"),
        pytest.param("running", "waiting", False, id="never back"),
        pytest.param("completed", "error", False, id="an end is final"),
        pytest.param("completed", "running", False, id="a late report"),
        pytest.param("expired", "running", True, id="evidence that it did run"),
        pytest.param("expired", "completed", True, id="evidence that it ended"),
        pytest.param("expired", "skipped", False, id="no evidence"),
        pytest.param("skipped", "stopped", True, id="it was under way after all"),
        pytest.param("running", "skipped", False, id="what runs was not skipped"),
        pytest.param("needs_attention", "completed", True, id="somebody cleaned up"),
        pytest.param("needs_attention", "running", False, id="not calm again"),
    ],
)
def test_a_run_moves_on_and_never_back(was: RunState, to: RunState, expected: bool) -> None:
    assert expected == moves(was, to)


def test_no_sequence_of_moves_returns_to_where_it_was() -> None:
    assert [] == [(a, b) for a, b in product(STATES, STATES) if moves(a, b) and moves(b, a)]


def test_a_newer_report_of_the_same_state_brings_its_progress() -> None:
    after = merged(run("running", 5), report("running", 6, phase="Running", message="half way"))
    assert after is not None
    assert ("Running", "half way", at(6)) == (after.phase, after.message, after.reported_at)


@pytest.mark.parametrize(
    ("was", "late"),
    [
        pytest.param(run("running", 5), report("running", 5, message="x"), id="the same again"),
        pytest.param(run("running", 5), report("running", 4, message="x"), id="an older one"),
        pytest.param(run("completed", 5), report("completed", 9, message="x"), id="after the end"),
        pytest.param(run("running", 5), report("queued", 9), id="an earlier state, whatever its time"),
    ],
)
def test_a_repeated_or_older_report_changes_nothing(was: Run, late: Report) -> None:
    assert merged(was, late) is None


def test_the_end_brings_verdict_and_score() -> None:
    faults = (FaultResult("a", "Pass", 100.0), FaultResult("b", "Pass", None))
    after = merged(run("running"), report("completed", 9, verdict="Pass", faults=msgspec.to_builtins(faults)))
    assert after is not None
    assert ("completed", "Pass", 100.0) == (after.state, after.verdict, after.score)
    assert [True, False] == [fault.measured for fault in after.faults]


def test_being_newer_alone_tells_nothing() -> None:
    was = run("running", 1)
    assert not told(was, msgspec.structs.replace(was, reported_at=at(2), updated_at=at(2)))
    assert told(was, msgspec.structs.replace(was, message="x"))


def test_what_runs_is_not_ended_from_our_side() -> None:
    assert ended(run("running"), "expired", "late") is None


def test_what_did_not_start_is_ended_with_its_reason() -> None:
    after = ended(run("waiting"), "expired", "late")
    assert after is not None
    assert ("expired", "late") == (after.state, after.message)


LIVES: tuple[tuple[RunState, ...], ...] = (
    ("queued", "waiting", "running", "running", "completed"),
    ("waiting", "skipped"),
    ("waiting", "running", "needs_attention", "needs_attention", "error"),
    ("expired", "running", "stopped"),
    ("waiting", "waiting", "running"),
)


@given(st.sampled_from(LIVES), st.data())
def test_reports_that_come_twice_late_or_out_of_order_end_the_same(
    life: tuple[RunState, ...], data: st.DataObject
) -> None:
    reports = [report(state, second, message=f"{second}") for second, state in enumerate(life, 1)]
    repeats = data.draw(st.lists(st.sampled_from(reports), max_size=6))
    shuffled = data.draw(st.permutations([*reports, *repeats]))
    current, seen = RUN, [RUN]
    for one in shuffled:
        current = merged(current, one) or current
        seen.append(current)
    assert (life[-1], f"{len(life)}") == (current.state, current.message)
    assert all(
        before == after or before.state == after.state or moves(before.state, after.state)
        for before, after in pairwise(seen)
    )


def test_every_state_is_either_over_or_may_go_on() -> None:
    assert {state for state in STATES if not any(moves(state, to) for to in STATES)} | {"skipped", "expired"} == OVER
