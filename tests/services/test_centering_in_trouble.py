"""A ChaosCenter that refuses, hangs, drops answers or is away, and a process of ours that dies: one run an order."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest

from shared.services.errands import errand_due
from shared.services.tables import ERRANDS, OPEN_ORDERS, ORDERS, PROJECTS
from tests.chaoscenter import engine
from tests.services.center_stage import CenterStage
from tests.services.dispatch_parts import Killed


def marks(stage: CenterStage) -> Counter[str]:
    """Return how many runs each order has in the ChaosCenter."""
    manifests = (json.loads(run["experimentManifest"]) for run in stage.center.runs)
    return Counter(one["metadata"]["labels"]["litmuschaos.io/order"] for one in manifests)


@pytest.mark.parametrize(
    ("operation", "fault", "words"),
    [
        pytest.param("saveChaosExperiment", "no probes specified in chaosengine - x", "no probes specified", id="save"),
        pytest.param("runChaosExperiment", "no revisions found", "refuses runChaosExperiment: no revisions", id="run"),
        pytest.param("getInfra", "permission_denied: bad token", "refuses getInfra: permission_denied", id="denied"),
        pytest.param("getInfra", 401, "renew the token that the cluster's `credential` names", id="401"),
        pytest.param("getInfra", 404, "is its url the GraphQL endpoint", id="another address"),
        pytest.param("getInfra", "mongo: no documents in result", "no documents in result", id="no such infra"),
    ],
)
def test_what_a_chaoscenter_refuses_ends_the_order_with_its_reason(
    center_stage: CenterStage, operation: str, fault: str | int, words: str
) -> None:
    center_stage.center.faults = [(operation, fault)]
    run = center_stage.by_hand()
    center_stage.pump(200)
    order = center_stage.the_order()
    assert ("refused", "chaoscenter", "skipped") == (order.state, order.rule, center_stage.run(run).state)
    assert words in order.reason
    assert [] == center_stage.center.runs
    assert ERRANDS.load(center_stage.store, "c1", order.id) is None


def test_a_chaoscenter_that_is_away_gets_the_order_when_it_is_back(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("getInfra", 503), ("getInfra", "drop"), ("saveChaosExperiment", "drop")]
    center_stage.by_hand()
    assert "status 503" in center_stage.the_order().reason
    center_stage.pump(30)
    assert ("taken", "", 1) == (
        center_stage.the_order().state,
        center_stage.the_order().reason,
        len(marks(center_stage)),
    )


def test_an_infrastructure_that_is_not_connected_is_waited_for(center_stage: CenterStage) -> None:
    center_stage.center.active = False
    center_stage.by_hand()
    center_stage.pump(600)
    assert "no connection to its infrastructure" in center_stage.the_order().reason
    center_stage.center.active = True
    center_stage.pump(60)
    assert "taken" == center_stage.the_order().state


def test_an_order_expires_where_the_chaoscenter_stays_away(center_stage: CenterStage) -> None:
    center_stage.center.active = False
    run = center_stage.by_hand()
    center_stage.pump(3700)
    assert ("expired", "expired", []) == (
        center_stage.the_order().state,
        center_stage.run(run).state,
        center_stage.center.runs,
    )


def test_a_run_whose_answer_was_lost_is_found_and_not_started_again(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "drop")]
    run = center_stage.by_hand()
    assert "ready" == center_stage.the_order().state
    center_stage.pump(5)
    assert ("taken", 1) == (center_stage.the_order().state, marks(center_stage)[run])
    center_stage.center.begin()
    center_stage.center.show("Completed", engine())
    center_stage.pump(60)
    assert ("completed", 1) == (center_stage.run(run).state, center_stage.center.count("runChaosExperiment"))


def test_a_run_that_was_never_asked_for_is_asked_for_again_after_a_minute(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "lost")]
    run = center_stage.by_hand()
    center_stage.pump(50)
    assert {} == marks(center_stage)
    center_stage.pump(30)
    assert {run: 1} == marks(center_stage)


def test_a_run_started_while_its_order_was_stopped_is_found_and_stopped(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "drop")]
    run = center_stage.by_hand()
    center_stage.dispatching.stop("shop", run)
    center_stage.center.begin()
    center_stage.pump(120)
    assert ("stopped", "Stopped") == (center_stage.run(run).state, center_stage.center.runs[0]["phase"])


def test_a_run_that_appears_late_is_stopped_if_its_order_was(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "lost")]
    run = center_stage.by_hand()
    center_stage.dispatching.stop("shop", run)
    center_stage.pump(30)
    center_stage.center.start_late("kill")
    center_stage.center.begin()
    center_stage.pump(120)
    assert ("stopped", "Stopped") == (center_stage.run(run).state, center_stage.center.runs[0]["phase"])
    assert [] == center_stage.open()


def test_a_run_of_an_order_that_safety_ended_meanwhile_is_looked_after(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "drop")]
    run = center_stage.by_hand()
    order = center_stage.the_order()
    now = msgspec.structs.replace(order, state="refused")
    center_stage.store.store.commit([ORDERS.put(now, "c1", run), OPEN_ORDERS.delete("c1", run)])
    center_stage.center.faults = [("listExperimentRun", 503)]
    center_stage.pump(60)
    center_stage.center.begin()
    center_stage.center.show("Completed", engine())
    center_stage.pump(60)
    assert "completed" == center_stage.run(run).state


def test_a_run_without_any_id_is_stopped_once_it_has_one(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "drop")]
    run = center_stage.by_hand()
    center_stage.pump(5)
    center_stage.dispatching.stop("shop", run)
    center_stage.pump(5)
    assert 0 == center_stage.center.count("stopExperimentRuns")
    center_stage.center.begin()
    center_stage.pump(120)
    assert "stopped" == center_stage.run(run).state


def test_an_order_that_was_stopped_and_never_asked_for_leaves_nothing(center_stage: CenterStage) -> None:
    center_stage.center.faults = [("runChaosExperiment", "lost")]
    run = center_stage.by_hand()
    center_stage.dispatching.stop("shop", run)
    center_stage.pump(120)
    assert ("skipped", {}) == (center_stage.run(run).state, marks(center_stage))
    assert ERRANDS.load(center_stage.store, "c1", run) is None
    assert [] == center_stage.open()


def test_a_run_of_another_manifest_is_stopped(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()["experimentManifest"] = json.dumps({"metadata": {"labels": {"infra_id": "infra-1"}}})
    center_stage.pump(60)
    assert ("error", "Stopped") == (center_stage.run(run).state, center_stage.center.runs[0]["phase"])
    assert "somebody else" in center_stage.run(run).message


def test_a_run_that_was_deleted_there_ends_as_an_error(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    center_stage.center.runs.clear()
    center_stage.pump(30)
    assert "error" == center_stage.run(run).state
    assert "does not know this run" in center_stage.run(run).message


@pytest.mark.parametrize("fault", [500, 401, "permission_denied", "a new error"])
def test_trouble_while_a_run_is_under_way_is_shown_and_ends_nothing(
    center_stage: CenterStage, fault: str | int
) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()
    center_stage.center.faults = [("getExperimentRun", fault)]
    center_stage.pump(5)
    assert center_stage.the_order().reason
    center_stage.center.show("Completed", engine())
    center_stage.pump(20)
    assert "completed" == center_stage.run(run).state


def test_a_missing_credential_is_named_and_waited_for(center_stage: CenterStage) -> None:
    center_stage.through("c1", credential="file:other")
    center_stage.by_hand()
    assert (
        "file:other is missing" in center_stage.the_order().reason
        or "cannot be read" in center_stage.the_order().reason
    )
    center_stage.through("c1")
    center_stage.pump(60)
    assert "taken" == center_stage.the_order().state


def test_a_manifest_that_a_chaoscenter_does_not_run_is_refused(center_stage: CenterStage) -> None:
    center_stage.text(b"apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\nmetadata: {name: a}\nspec: {}\n")
    center_stage.by_hand()
    assert "runs no ChaosEngine by itself" in center_stage.the_order().reason


def test_a_freeze_counts_until_the_very_start(center_stage: CenterStage) -> None:
    center_stage.center.active = False
    run = center_stage.by_hand()
    project = PROJECTS.load(center_stage.store, "shop")
    assert project
    center_stage.settle(project.value.safety, gitops={"mode": "observe"})
    center_stage.center.active = True
    center_stage.pump(60)
    assert ("skipped", []) == (center_stage.run(run).state, center_stage.center.runs)


@pytest.mark.parametrize("early", [False, True], ids=["after it is written", "before it is written"])
def test_whichever_write_the_process_dies_at_there_is_one_run(center_stage: CenterStage, early: bool) -> None:
    dies, died = 0, True
    while died:
        died = False
        before = len(center_stage.center.runs)
        center_stage.store.lives, center_stage.store.early = dies, early
        try:
            center_stage.by_hand()
        except Killed:
            died = True
        center_stage.store.lives = None
        center_stage.pump(200)
        assert {1} == set(marks(center_stage).values()) if center_stage.center.runs else True
        for number in range(before, len(center_stage.center.runs)):
            center_stage.center.begin(number)
            center_stage.center.show("Completed", engine(), number=number)
        center_stage.pump(120)
        assert [] == center_stage.open()
        dies += 1
    assert dies > 5
    assert {"completed"} == {run.state for run in center_stage.runs()}


def test_a_lost_message_about_a_run_is_sent_again_by_the_timer(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()
    center_stage.clock.advance(60)
    for claimed in center_stage.queue.receive(10, 30.0):
        center_stage.queue.ack(claimed)
    center_stage.center.show("Completed", engine())
    center_stage.pump(600)
    assert "queued" == center_stage.run(run).state
    center_stage.tick()
    center_stage.pump()
    assert "completed" == center_stage.run(run).state


def test_there_is_one_chain_of_looks_for_an_order(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    for _ in range(5):
        center_stage.store.store.commit([], [errand_due("c1", run)])
    before = center_stage.center.count("getExperimentRun")
    center_stage.pump(5)
    assert 1 == center_stage.center.count("getExperimentRun") - before
