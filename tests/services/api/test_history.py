"""What an experiment's runs came to: kept with their end, listed newest first, and summed up."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.model.projects import Safety
from shared.model.runs import FaultResult, Report
from shared.services.api.desk import Desk
from shared.services.api.history import History
from shared.services.reporting import Reports
from shared.services.tables import CLUSTERS, EXPERIMENTS, HISTORY
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_stage import Stage

KILL = "/projects/shop/experiments/kill"


@pytest.fixture
def api(stage: Stage) -> Api:
    stage.settle(Safety(cooldown="0s"), gitops={"run_on_push": "changed"})
    desk = Desk(stage.store, stage.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    return client(History(desk).operations())


def ran(stage: Stage, score: float, seconds: float = 10.0, state: str = "completed", *, begun: bool = True) -> str:
    """Have a change run the experiment, which ends so many seconds after it, and return its run's id."""
    stage.change()
    stage.pump()
    run = stage.runs()[-1].id
    stage.report(run, "running" if begun else "waiting")
    stage.clock.advance(seconds)
    verdict = "Pass" if score == 100 else "Fail"
    stage.report(run, state, verdict=verdict, faults=(FaultResult("pod-delete", verdict, score),))
    stage.pump()
    return run


def history(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(api("GET", f"{KILL}/history{query}"))["items"]
    return found


def test_a_run_that_ended_is_in_the_history_with_its_result_and_the_time_it_took(api: Api, stage: Stage) -> None:
    name = ran(stage, 50.0, 42.5)
    [run] = stage.runs()
    expected = {"run": name, "cluster": "c1", "state": "completed", "verdict": "Fail", "score": 50.0, "seconds": 42.5}
    expected |= {"cause": "change", "commit": stage.head, "triggered_at": run.triggered_at, "ended_at": run.updated_at}
    assert [expected] == history(api)


def test_the_history_is_newest_first_and_paged_to_the_end(api: Api, stage: Stage) -> None:
    runs = [ran(stage, 100.0) for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = body(api("GET", f"{KILL}/history?limit=2&cursor={cursor}"))
        found += [one["run"] for one in page["items"]]
        cursor = page["next"]
    assert runs[::-1] == found


@pytest.mark.parametrize(
    ("state", "begun", "kept"),
    [
        pytest.param("completed", True, True, id="completed"),
        pytest.param("error", False, True, id="broken"),
        pytest.param("stopped", True, True, id="stopped"),
        pytest.param("stopped", False, False, id="stopped-before-it-began"),
        pytest.param("skipped", False, False, id="skipped"),
        pytest.param("expired", False, False, id="expired"),
        pytest.param("needs_attention", True, False, id="not-over"),
    ],
)
def test_what_did_no_chaos_or_goes_on_is_not_in_the_history(
    api: Api, stage: Stage, state: str, begun: bool, kept: bool
) -> None:
    ran(stage, 100.0, state=state, begun=begun)
    assert [state] * kept == [one["state"] for one in history(api)]


def test_a_run_that_was_given_up_and_ran_all_the_same_is_there_once_however_often_that_is_told(
    api: Api, stage: Stage
) -> None:
    run = ran(stage, 100.0, state="expired", begun=False)
    for state in ("running", "completed", "completed", "stopped"):
        stage.clock.advance(1)
        stage.report(run, state, verdict="Pass")
    assert [(run, "completed")] == [(one["run"], one["state"]) for one in history(api)]


def test_a_run_that_its_schedule_started_has_no_time_since_a_trigger(api: Api, stage: Stage) -> None:
    cluster = CLUSTERS.load(stage.store, "c1")
    assert cluster
    told = Report(None, "s-1", "completed", "2099-12-31T23:00:00Z", verdict="Pass", experiment="kill")
    Reports(stage.store, stage.clock, new_id).take(cluster.value, told)
    assert [("schedule", "", None)] == [(one["cause"], one["triggered_at"], one["seconds"]) for one in history(api)]


def test_a_run_counts_from_when_its_end_was_told_however_wrong_its_clusters_clock_is(api: Api, stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.clock.advance(60)
    stage.report(stage.runs()[0].id, "completed", verdict="Pass", at="2001-01-01T00:00:00Z")
    assert [60.0] == [one["seconds"] for one in history(api)]


def test_an_experiment_that_git_holds_no_longer_keeps_its_history(api: Api, stage: Stage) -> None:
    run = ran(stage, 100.0)
    stage.store.commit([EXPERIMENTS.delete("shop", "kill")])
    assert [run] == [one["run"] for one in history(api)]
    assert 1 == body(api("GET", f"{KILL}/trend"))["runs"]


def test_another_experiments_runs_are_not_in_it(api: Api, stage: Stage) -> None:
    stage.experiment("kill2")
    stage.dispatching.start("shop", "kill2", (), "person", "owner")
    stage.pump()
    stage.report(stage.runs()[0].id, "completed", verdict="Pass")
    assert [] == history(api)


def test_the_trend_sums_up_the_newest_hundred(api: Api, stage: Stage) -> None:
    ran(stage, 0.0)
    for number in range(4):
        ran(stage, 100.0 if number > 1 else 50.0, seconds=float(number))
    expected = {"runs": 5, "measured": 5, "pass_rate": 40.0, "mean_score": 60.0, "direction": "rising"}
    assert expected | {"median_seconds": 2.0, "p95_seconds": 10.0} == body(api("GET", f"{KILL}/trend"))
    one = HISTORY.read(stage.store.query(HISTORY.partition("shop", "kill"), limit=1)[0])
    assert one.value.score == 0.0
    more = [HISTORY.put(one.value, "shop", "kill", f"2101-01-01T00:00:00.000Z/{number:03}") for number in range(97)]
    stage.store.commit(more)
    full = body(api("GET", f"{KILL}/trend"))
    assert (100, 2.0, "steady") == (full["runs"], full["pass_rate"], full["direction"])


def test_an_experiment_that_never_ran_has_an_empty_history(api: Api) -> None:
    assert {"items": [], "next": None} == body(api("GET", f"{KILL}/history"))
    assert (0, "unknown") == tuple(body(api("GET", f"{KILL}/trend"))[name] for name in ("runs", "direction"))


@pytest.mark.parametrize("kind", ["history", "trend"])
@pytest.mark.parametrize("place", ["shop/experiments/none", "none/experiments/kill"])
def test_what_was_never_there_is_not_found(api: Api, place: str, kind: str) -> None:
    assert 404 == api("GET", f"/projects/{place}/{kind}").status


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=!"])
def test_a_page_that_is_none_is_refused(api: Api, query: str) -> None:
    assert 400 == api("GET", f"{KILL}/history?{query}").status
