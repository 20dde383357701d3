"""Stop conditions at dispatch and during runs, against a Prometheus and an Alertmanager on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.projects import Freeze, Safety, StopCondition
from shared.rules.facts import Refusal
from shared.services.overseeing import PAUSE
from shared.services.reconciling import Reconciler
from shared.services.stopping import Stopping
from shared.services.tables import BLIND
from tests.monitors import MonitorStand, Series
from tests.services.dispatch_parts import Killed
from tests.services.dispatch_stage import Stage

QUERY = 'sum(rate(errors{job="web"}[1m])) or vector(0)'
GOOD: list[Series] = [({}, "0.01")]
BAD: list[Series] = [({}, "0.31")]


@pytest.fixture
def monitor() -> Iterator[MonitorStand]:
    with MonitorStand().open() as stand:
        stand.values[QUERY] = GOOD
        yield stand


def guard(stage: Stage, monitor: MonitorStand, *more: StopCondition, **fields: Any) -> None:
    share = StopCondition(**{"name": "errors", "url": monitor.url, "promql": QUERY, "when": "> 0.05"} | fields)
    stage.settle(Safety(cooldown="0s", stop_conditions=(share, *more)))


def observe(stage: Stage, monitor: MonitorStand, freeze: Freeze | None = None) -> None:
    share = StopCondition("errors", monitor.url, promql=QUERY, when="> 0.05")
    observing = {"mode": "observe", "run_on_push": "changed"}
    stage.settle(Safety(cooldown="0s", stop_conditions=(share,)), freeze=freeze, gitops=observing)


def started(stage: Stage) -> str:
    """Start a run that its cluster says is running, and return its id."""
    stage.change()
    stage.pump()
    [run] = stage.runs()
    stage.report(run.id, "running")
    return run.id


def stops(stage: Stage) -> list[str]:
    return [order.order for order in stage.subscriber.taken.values() if order.action == "stop"]


def reconcile(stage: Stage) -> None:
    Reconciler(stage.store, stage.dispatching.repositories, stage.clock, stage.dispatching.ids).look_after(
        Message("m", "reconcile", "project", {"project": "shop"})
    )


def test_what_is_within_bounds_goes(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    stage.change()
    stage.pump()
    assert ([QUERY], 1) == (monitor.asked, len(stage.subscriber.taken))


def test_a_breach_refuses_and_the_ledger_names_the_rule_and_the_value(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    monitor.values[QUERY] = BAD
    stage.change()
    stage.pump()
    row = stage.rows("order")[-1]
    assert ("refused", "stop conditions") == (row.verdict, row.detail["rule"])
    assert "errors is breached: it is 0.31, and > 0.05 stops chaos" == row.reason
    assert ([("c1", "skipped")], {}) == (stage.states(), stage.subscriber.taken)


@pytest.mark.parametrize("cause", ["change", "push"])
@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param(GOOD, ("mode", "kill would start on cluster c1; the project observes"), id="within bounds"),
        pytest.param(BAD, ("stop conditions", "would not start (stop conditions: errors is breached"), id="breached"),
        pytest.param([], ("stop conditions", "would wait (stop conditions: errors cannot be judged"), id="unknown"),
    ],
)
def test_under_observe_they_are_asked_and_shown_as_they_were_first(
    stage: Stage, monitor: MonitorStand, cause: str, values: list[Series], told: tuple[str, str]
) -> None:
    observe(stage, monitor)
    monitor.values[QUERY] = values
    due = stage.due(stage.change(verdict="observed")) if cause == "change" else stage.pushed()
    stage.pump()
    monitor.values[QUERY] = [({}, "0.02")]
    stage.clock.advance(5)
    stage.actions["dispatch", cause](due)
    [row] = stage.rows("order")
    assert ("observed", told[0], []) == (row.verdict, row.detail["rule"], stage.runs())
    assert told[1] in row.reason


def test_under_observe_a_monitor_is_asked_last(stage: Stage, monitor: MonitorStand) -> None:
    observe(stage, monitor, Freeze("sale"))
    stage.change(verdict="observed")
    stage.pump()
    assert (["freeze"], []) == ([row.detail["rule"] for row in stage.rows("order")], monitor.asked)


def test_an_alert_that_fires_refuses(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor, StopCondition("page", monitor.url, alert="HighErrorRate"))
    monitor.alerts = [{"alertname": "Watchdog"}, {"alertname": "HighErrorRate", "namespace": "shop"}]
    stage.change()
    stage.pump()
    assert "page is breached: alert HighErrorRate fires (namespace=shop)" == stage.rows("order")[-1].reason


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param({"refusal": (503, b"overloaded")}, "answered 503 with what is none", id="overloaded"),
        pytest.param({"refusal": (302, b"")}, "answered 302", id="redirected"),
        pytest.param({"values": {}}, "has no result", id="unknown metric"),
        pytest.param({"values": {QUERY: [({}, "NaN")]}}, "is not a number", id="not a number"),
        pytest.param({"warnings": ["a store is away"]}, "Prometheus warns: a store is away", id="part of the data"),
        pytest.param({"hang": 0.7}, "does not answer", id="hangs"),
    ],
)
def test_what_cannot_be_judged_waits_and_goes_once_it_can(
    stage: Stage, monitor: MonitorStand, broken: dict[str, Any], words: str
) -> None:
    guard(stage, monitor)
    for name, value in broken.items():
        setattr(monitor, name, value)
    stage.change()
    stage.pump()
    [row] = [row for row in stage.rows("order") if row.verdict == "waiting"]
    assert ("stop conditions", {}) == (row.detail["rule"], stage.subscriber.taken)
    assert words in row.reason
    monitor.refusal, monitor.values, monitor.warnings, monitor.hang = None, {QUERY: GOOD}, [], 0.0
    stage.pump(120)
    assert {} == stage.subscriber.taken
    reconcile(stage)
    stage.pump()
    assert 1 == len(stage.subscriber.taken)


def test_what_can_never_be_judged_expires(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor, credential="file:nothing")
    stage.change()
    stage.pump()
    assert "the secret file:nothing cannot be read" in stage.runs()[0].message
    stage.pump(3700)
    reconcile(stage)
    stage.pump()
    assert ([("c1", "expired")], []) == (stage.states(), monitor.asked)


def test_a_condition_of_other_clusters_is_not_asked(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor, clusters=("prod-*",))
    monitor.values[QUERY] = BAD
    started(stage)
    stage.pump(60)
    assert ([], []) == (monitor.asked, stops(stage))


def test_a_proof_and_a_stop_ask_nothing(stage: Stage, monitor: MonitorStand) -> None:
    run = started(stage)
    guard(stage, monitor)
    monitor.values[QUERY] = BAD
    stage.dispatching.stop("shop", run)
    stage.pump()
    assert (1, []) == (len(stops(stage)), monitor.asked)


def test_a_breach_stops_a_run_within_ten_seconds(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    run = started(stage)
    stage.pump(61)
    assert [] == stops(stage)
    monitor.values[QUERY], breached = BAD, stage.clock()
    while not stops(stage):
        stage.pump(0.25)
    assert stage.clock() - breached <= timedelta(seconds=6), (
        "a slow monitor's 3 s and a second's old answer come on top"
    )
    row = next(row for row in stage.rows("order") if row.detail["action"] == "stop")
    assert ("ordered", "stop conditions") == (row.verdict, row.detail["rule"])
    told = f"a stop condition stops run {run}: errors is breached: it is 0.31, and > 0.05 stops chaos"
    assert told == row.reason
    assert {"run": run} == stage.subscriber.taken[stops(stage)[0]].parameters


def test_a_breach_stops_a_run_within_ten_seconds_of_real_time(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    started(stage)
    began, then = stage.clock.now, time.monotonic()
    monitor.values[QUERY] = BAD
    while not stops(stage):
        time.sleep(0.05)
        stage.clock.now = began + timedelta(seconds=time.monotonic() - then)
        stage.pump()
    assert time.monotonic() - then <= 10


def test_one_breach_is_one_stop_however_long_it_lasts(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    run = started(stage)
    monitor.values[QUERY] = BAD
    for _ in range(10):
        stage.pump(30)
        reconcile(stage)
    assert (1, 2) == (len(stops(stage)), len(monitor.asked))
    stage.report(stops(stage)[0], "completed")
    reconcile(stage)
    stage.pump(30)
    assert 1 == len(stops(stage))
    stage.report(run, "stopped", verdict="Stopped")
    assert [("c1", "stopped")] == stage.states()
    assert [] == stage.open()


def test_a_run_that_was_not_taken_yet_does_not_start_after_a_breach(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    stage.subscriber.status = 503
    stage.change()
    stage.pump()
    monitor.values[QUERY] = BAD
    stage.pump(10)
    assert [("c1", "skipped")] == stage.states()
    stage.subscriber.status = 202
    stage.pump(60)
    assert ["stop"] == [order.action for order in stage.subscriber.taken.values()]


def test_a_run_that_cannot_be_watched_goes_on_for_a_minute_and_no_longer(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    run = started(stage)
    monitor.refusal = (502, b"")
    stage.pump(50)
    monitor.refusal = None
    stage.pump(10)
    assert BLIND.load(stage.store, "shop", run) is None
    monitor.refusal = (502, b"")
    stage.pump(58)
    assert [] == stops(stage)
    stage.pump(12)
    [row] = [row for row in stage.rows("order") if row.detail["action"] == "stop" and row.verdict == "ordered"]
    assert "since 2100-01-01T00:0" in row.reason
    assert "errors cannot be judged: Prometheus answered 502" in row.reason
    assert BLIND.load(stage.store, "shop", run) is None


def test_a_watch_that_was_lost_is_taken_up_and_there_is_one_a_run(stage: Stage, monitor: MonitorStand) -> None:
    run = started(stage)
    guard(stage, monitor)
    stage.pump(60)
    assert [] == monitor.asked
    for _ in range(3):
        reconcile(stage)
    assert 1 == stage.queue.depth().delayed
    stage.pump(PAUSE * 5)
    assert 5 == len(monitor.asked)
    stage.report(run, "completed", verdict="Pass")
    stage.pump(60)
    reconcile(stage)
    stage.pump(60)
    assert 0 == stage.queue.depth().delayed
    assert len(monitor.asked) <= 6


@pytest.mark.parametrize("early", [False, True])
def test_a_stop_survives_the_death_of_its_process(stage: Stage, monitor: MonitorStand, early: bool) -> None:
    guard(stage, monitor)
    started(stage)
    monitor.values[QUERY] = BAD
    stage.store.lives, stage.store.early = 0, early
    with pytest.raises(Killed):
        stage.pump(10)
    stage.store.early = False
    stage.pump(10)
    assert 1 == len(stops(stage))


def test_a_scheduled_run_is_watched_from_its_first_report(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    stage.report(None, "running", run="s-1", experiment="kill")
    monitor.values[QUERY] = BAD
    stage.pump(PAUSE)
    assert ["s-1-stop-condition"] == stops(stage)


def test_a_run_that_waits_for_a_place_is_not_watched(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    stage.experiment("other")
    run = started(stage)
    stage.change("other")
    stage.pump()
    stage.report(run, "needs_attention")
    stage.pump(PAUSE * 2)
    asked = len(monitor.asked)
    monitor.values[QUERY] = BAD
    for name in [one.id for one in stage.runs()]:
        stage.overseeing.watch(Message("m", "dispatch", "watch", {"project": "shop", "run": name}))
    reconcile(stage)
    assert 0 == stage.queue.depth().delayed
    stage.pump(PAUSE * 2)
    assert (["needs_attention", "waiting"], asked) == (sorted(one.state for one in stage.runs()), len(monitor.asked))


def test_a_run_that_ended_meanwhile_is_not_told_to_stop(stage: Stage) -> None:
    started(stage)
    [was] = stage.runs()
    stage.report(was.id, "completed", verdict="Pass")
    Stopping(stage.store, stage.clock, new_id).breach(was, Refusal("stop conditions", "errors is breached"))
    stage.pump()
    assert [] == stops(stage)


def test_a_run_that_needs_attention_is_left_to_a_person(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    run = started(stage)
    stage.report(run, "needs_attention", message="a pod is left")
    monitor.values[QUERY] = BAD
    reconcile(stage)
    stage.pump(60)
    assert [] == stops(stage)


def test_many_runs_that_are_watched_at_once_ask_once(stage: Stage, monitor: MonitorStand) -> None:
    guard(stage, monitor)
    for number in range(20):
        stage.report(None, "running", run=f"s-{number}", experiment="kill")
    stage.pump(PAUSE)
    assert 1 == len(monitor.asked)


def test_a_project_that_is_gone_watches_nothing(stage: Stage) -> None:
    stage.overseeing.watch(Message("m", "dispatch", "watch", {"project": "gone", "run": "r"}))
    assert BLIND.load(stage.store, "gone", "r") is None
