"""Stopping runs: before they were sent, when they may have been, and while they run."""

from __future__ import annotations

import pytest

from shared.errors import Conflict, NotFound
from shared.model.projects import Freeze, MaxRuns, Safety
from shared.model.runs import Recent
from shared.services.tables import RECENT
from tests.services.dispatch_stage import Stage

LOOSE = Safety(cooldown="0s")
ROOMY = Safety(cooldown="0s", max_runs=MaxRuns(cluster=9, namespace=9))


def test_a_queued_run_is_stopped_before_it_starts(stage: Stage) -> None:
    stage.store.commit([RECENT.put(Recent(held=True), "shop")])
    stage.change()
    stage.pump()
    run = stage.dispatching.stop("shop", stage.runs()[0].id)
    stage.pump()
    assert ("stopped", "owner stopped it before it started") == (run.state, run.message)
    assert [] == stage.open()


def test_a_run_that_may_have_been_sent_is_also_told_to_stop(stage: Stage) -> None:
    stage.subscriber.status = 503
    stage.change()
    stage.pump()
    run = stage.dispatching.stop("shop", stage.runs()[0].id)
    assert "skipped" == run.state
    stage.subscriber.status = 202
    stage.pump(60)
    assert ["stop"] == [order.action for order in stage.subscriber.taken.values()]


def test_a_running_run_is_told_to_stop_once(stage: Stage) -> None:
    stage.change()
    stage.pump()
    [run] = stage.runs()
    stage.report(run.id, "running")
    stage.dispatching.stop("shop", run.id)
    stage.dispatching.stop("shop", run.id)
    stage.pump()
    stops = [order for order in stage.subscriber.taken.values() if order.action == "stop"]
    assert [{"run": run.id}] == [order.parameters for order in stops]
    stage.report(stops[0].order, "completed")
    stage.report(run.id, "stopped", verdict="Stopped")
    assert ([("c1", "stopped")], []) == (stage.states(), stage.open())


def test_a_freeze_does_not_keep_a_run_from_being_stopped(stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.report(stage.runs()[0].id, "running")
    stage.settle(LOOSE, freeze=Freeze("sale"))
    stage.dispatching.stop("shop", stage.runs()[0].id)
    stage.pump()
    assert ["run", "stop"] == [order.action for order in stage.subscriber.taken.values()]


def test_what_is_over_or_unknown_cannot_be_stopped(stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.report(stage.runs()[0].id, "completed", verdict="Pass")
    with pytest.raises(Conflict, match="is completed"):
        stage.dispatching.stop("shop", stage.runs()[0].id)
    with pytest.raises(NotFound, match="no run 'r9'"):
        stage.dispatching.stop("shop", "r9")


def test_an_order_to_stop_waits_for_no_other(stage: Stage) -> None:
    stage.change()
    stage.pump()
    running = stage.runs()[0].id
    stage.report(running, "running")
    stage.settle(ROOMY)
    stage.experiment("other")
    stage.subscriber.status = 503
    stage.change("other")
    stage.pump(60)
    stage.subscriber.status, stage.subscriber.asked = 202, []
    stage.dispatching.stop("shop", running)
    stage.pump()
    assert ["stop"] == [stage.order(name).action for name in stage.subscriber.asked]
