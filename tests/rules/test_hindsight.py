from __future__ import annotations

import pytest

from shared.model.runs import Active, Ended
from shared.rules.hindsight import as_of
from tests.rules.sights import at

ACCOUNTS = ("argo-chaos",)
RUNS = (
    Active("open", "shop", "kill", "running", service_accounts=ACCOUNTS, begun_at=at(20)),
    Active("unknown", "shop", "kill", "running"),
)
OVER = (Ended("over", "shop", "kill", at(0), at(10), workload="Deployment/shop/web", service_accounts=ACCOUNTS),)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(30, {"open": "running", "unknown": "running"}, id="now"),
        pytest.param(20, {"open": "running", "unknown": "running"}, id="as it began"),
        pytest.param(19, {"open": "waiting", "unknown": "running"}, id="before it began"),
        pytest.param(10, {"open": "waiting", "unknown": "running", "over": "running"}, id="as the other ended"),
        pytest.param(-1, {"open": "waiting", "unknown": "running", "over": "waiting"}, id="before any began"),
    ],
)
def test_runs_are_judged_as_they_were_when_a_change_was_made(seconds: float, expected: dict[str, str]) -> None:
    moment = at(seconds) if seconds >= 0 else "2026-11-22T19:59:59.000Z"
    assert expected == {one.run: one.state for one in as_of(moment, RUNS, OVER)}


def test_a_run_that_is_over_keeps_whom_it_acted_as_and_on_what() -> None:
    [run] = as_of(at(5), (), OVER)
    assert ("Deployment/shop/web", ACCOUNTS, at(0)) == (run.workload, run.service_accounts, run.begun_at)
