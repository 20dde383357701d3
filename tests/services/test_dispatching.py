"""From a change to orders: what starts where, what does not, and what the ledger says of it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
import pytest

from shared.model.changes import Workload
from shared.model.experiments import Problem
from shared.model.projects import Safety
from shared.rules.routing import CLUSTERS
from tests.services.dispatch_stage import KILL, TEXT, Stage

LOOSE = Safety(cooldown="0s")


def test_a_triggered_change_becomes_one_signed_order_with_guard_and_manifest(stage: Stage) -> None:
    change = stage.change()
    stage.pump()
    [order] = stage.subscriber.taken.values()
    assert ("shop", "kill", "run") == (order.project, order.experiment, order.action)
    assert (TEXT.decode(), hashlib.sha256(TEXT).hexdigest()) == (order.manifest, order.digest)
    assert order.guard is not None
    assert ("u-1", "web", "10m") == (order.guard.uid, order.guard.workload.name, order.guard.wait)
    assert order.order.startswith(f"{change}-")
    assert datetime.fromisoformat(order.not_after) == stage.clock() + timedelta(hours=1)
    assert order.parameters["revision"] == stage.head


def test_its_run_stands_queued_with_all_that_it_belongs_to(stage: Stage) -> None:
    change = stage.change()
    stage.pump()
    [run] = stage.runs()
    assert ("kill", "c1", "queued", "change") == (run.experiment, run.cluster, run.state, run.cause)
    assert (change, stage.head, "Deployment/shop/web") == (run.change, run.commit, run.workload)
    assert (("shop",), ("argo-chaos",), (stage.head, "c" * 40)) == (run.namespaces, run.service_accounts, run.report_to)
    assert (run.id, "taken") == (run.order, stage.order(run.id).state)
    assert ["ordered", "taken"] == stage.verdicts()


def test_a_change_that_comes_twice_starts_once(stage: Stage) -> None:
    change = stage.change()
    stage.pump()
    stage.store.commit([], [msgspec.structs.replace(stage.due(change), id="again")])
    stage.pump()
    assert 1 == len(stage.runs())
    assert 1 == len(stage.subscriber.asked)


def test_observed_changes_show_what_would_start_and_start_nothing(stage: Stage) -> None:
    stage.settle(LOOSE, gitops={"mode": "observe"})
    stage.change(verdict="observed")
    stage.pump()
    [row] = stage.rows("order")
    assert ("observed", "kill") == (row.verdict, row.subject)
    assert "kill would start on cluster c1" in row.reason
    assert ([], []) == (stage.runs(), stage.subscriber.asked)


def test_what_was_observed_does_not_start_when_the_mode_changes_meanwhile(stage: Stage) -> None:
    stage.change(verdict="observed")
    stage.pump()
    assert (["observed"], []) == (stage.verdicts(), stage.runs())


def test_an_observed_change_names_the_rule_that_would_refuse_it(stage: Stage) -> None:
    stage.settle(Safety(allowed_faults=("cpu-*",)), gitops={"mode": "observe"})
    stage.change(verdict="observed")
    stage.pump()
    [row] = stage.rows("order")
    assert "allowed faults" == row.detail["rule"]
    assert "would not start (allowed faults: fault pod-delete is not among those allowed" in row.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"state": "invalid", "problem": Problem("no kind", 1, 1)}, "is invalid: no kind", id="invalid"),
        pytest.param({"state": "conflict"}, "is conflict", id="conflict"),
        pytest.param({"manifest": None}, "it has not been read", id="unread"),
    ],
)
def test_what_is_not_valid_at_the_head_is_refused(stage: Stage, fields: dict[str, object], reason: str) -> None:
    stage.experiment(**fields)  # type: ignore[arg-type]
    stage.change()
    stage.pump()
    [row] = stage.rows("order")
    assert ("refused", "experiment") == (row.verdict, row.detail["rule"])
    assert reason in row.reason


def test_an_experiment_that_git_does_not_have_is_named(stage: Stage) -> None:
    stage.change("gone", "kill")
    stage.pump()
    assert ["ordered", "refused", "taken"] == sorted(stage.verdicts())
    assert "there is no experiment gone" in next(row.reason for row in stage.rows("order") if row.verdict == "refused")


def test_a_head_that_the_portal_has_not_seen_is_synced_first(stage: Stage) -> None:
    stage.head = stage.push()
    stage.change()
    stage.pump(3)
    assert ([], ["project"]) == (stage.runs(), [one.action for one in stage.elsewhere])
    stage.experiment()
    stage.pump(3)
    assert [("c1", "queued")] == stage.states()


def test_a_git_host_that_is_away_delays_and_at_last_expires_the_change(stage: Stage) -> None:
    stage.settle(LOOSE, gitops={"repo_url": "http://127.0.0.1:9/nowhere.git"})
    stage.change()
    stage.pump(1800)
    assert [] == stage.rows("order")
    stage.pump(1900)
    [row] = stage.rows("order")
    assert ("expired", "expiry") == (row.verdict, row.detail["rule"])
    assert "the head of main cannot be read" in row.reason


def test_a_pending_edit_is_waited_for(stage: Stage) -> None:
    stage.experiment(state="pending")
    stage.change()
    stage.pump(60)
    assert [] == stage.rows("order")
    stage.experiment()
    stage.pump(10)
    assert [("c1", "queued")] == stage.states()


def test_a_change_that_nobody_came_to_in_time_starts_nothing(stage: Stage) -> None:
    stage.change()
    stage.clock.advance(3601)
    stage.pump()
    assert (["expired"], []) == (stage.verdicts(), stage.runs())


def test_a_change_told_of_again_after_its_time_changes_nothing(stage: Stage) -> None:
    change = stage.change()
    stage.pump()
    stage.clock.advance(3601)
    stage.store.commit([], [stage.due(change)])
    stage.pump()
    assert ["ordered", "taken"] == stage.verdicts()


def test_staging_never_starts_productions_chaos(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, infra_id="production"))
    stage.cluster("production")
    stage.change()
    stage.pump()
    [row] = stage.rows("order")
    assert ("refused", "routing", []) == (row.verdict, row.detail["rule"], stage.runs())


def test_a_namespace_that_was_not_invited_starts_nothing(stage: Stage) -> None:
    stage.change(workload=Workload("c1", "Deployment", "other", "web"))
    stage.pump()
    [row] = stage.rows("order")
    assert ("refused", "trigger from") == (row.verdict, row.detail["rule"])


def test_nothing_is_done_for_a_project_whose_gitops_is_off(stage: Stage) -> None:
    stage.settle(LOOSE, gitops={"enabled": False})
    stage.change()
    stage.pump()
    assert ([], []) == (stage.rows("order"), stage.runs())


def test_a_newer_change_leaves_what_has_started(stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.report(stage.orders()[0].id, "running")
    stage.change()
    stage.pump()
    assert [("c1", "running"), ("c1", "waiting")] == stage.states()


def test_the_experiment_names_its_clusters_and_the_origin_proves_first(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2,c9"}))
    stage.cluster("c2")
    stage.change()
    stage.pump()
    actions = sorted(order.action for order in stage.subscriber.taken.values())
    assert ["prove", "run"] == actions
    assert {("c1", "queued"), ("c2", "waiting")} == set(stage.states())
    assert ["held"] == [order.state for order in stage.orders("c2")]
    assert "the project has no cluster c9" in [row.reason for row in stage.rows("order") if row.verdict == "refused"]
