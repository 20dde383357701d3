"""An order for a cluster that a ChaosCenter reaches: saved, run, looked after, and reported like any other."""

from __future__ import annotations

import json

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, NotYet
from shared.services.errands import errand_due, errands_due
from shared.services.ledger import message
from shared.services.tables import ERRANDS, ORDERS
from tests.chaoscenter import engine
from tests.services.center_stage import WORKFLOW, CenterStage

CRON = b"""\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  workflowSpec: {entrypoint: chaos, templates: [{name: chaos, steps: []}]}
"""


def test_an_order_is_saved_and_run_and_its_result_is_scored_by_our_rule(center_stage: CenterStage) -> None:
    stage = center_stage
    run = stage.by_hand()
    assert ("taken", "queued") == (stage.the_order().state, stage.run(run).state)
    stage.center.begin()
    stage.pump(10)
    assert ("running", "Running") == (stage.run(run).state, stage.run(run).phase)
    heavy = engine("Pass", "50")
    light = engine("Fail", "0", fault="pod-cpu-hog", experimentVerdict="Error")
    stage.center.show("Completed_With_Probe_Failure", heavy, light)
    stage.pump(30)
    found = stage.run(run)
    assert ("completed", "Fail", 20.58, "Succeeded") == (found.state, found.verdict, found.score, found.phase)
    assert [("pod-delete", "Pass", 50.0, 7), ("pod-cpu-hog", "Fail", 0.0, 10)] == [
        (one.name, one.verdict, one.probe_success_percentage, one.weight) for one in found.faults
    ]
    assert ("done", [], 1) == (stage.the_order().state, stage.open(), len(stage.sent("note")))
    assert ["ordered", "taken"] == stage.verdicts()
    assert ["running", "completed"] == stage.verdicts("report")
    assert (1, 1) == (stage.center.count("saveChaosExperiment"), stage.center.count("runChaosExperiment"))
    assert {stage.the_order().traceparent} == set(stage.center.traces)
    assert () == errands_due(stage.store, "c1")


def test_what_is_saved_is_gits_workflow_under_its_own_name_with_the_orders_mark(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    [saved] = center_stage.center.revisions["kill"]
    manifest = json.loads(saved["manifest"])
    assert ("kill-the-cart", "infra-1", "Experiment") == (saved["name"], saved["infraID"], saved["type"])
    assert ("kill-the-cart", "litmus") == (manifest["metadata"]["name"], manifest["metadata"]["namespace"])
    labels = manifest["metadata"]["labels"]
    assert ("kill", "infra-1", run) == (labels["workflow_id"], labels["infra_id"], labels["litmuschaos.io/order"])
    assert center_stage.head in saved["description"]


def test_a_second_run_of_an_experiment_adds_a_revision_under_the_same_id(center_stage: CenterStage) -> None:
    for _ in range(2):
        center_stage.by_hand()
        center_stage.center.begin()
        center_stage.center.show("Completed", engine())
        center_stage.pump(60)
    assert [("c1", "completed")] * 2 == center_stage.states()
    assert {"kill": 2} == {name: len(kept) for name, kept in center_stage.center.revisions.items()}


def test_a_cron_workflow_runs_once_beside_the_one_that_is_installed(center_stage: CenterStage) -> None:
    center_stage.text(CRON)
    center_stage.by_hand()
    [(name, [saved])] = center_stage.center.revisions.items()
    assert ("kill-once", "nightly-once") == (name, saved["name"])
    assert "Workflow" == json.loads(saved["manifest"])["kind"]


@pytest.mark.parametrize(
    ("phase", "engines", "state", "verdict"),
    [
        pytest.param("Completed", [engine()], "completed", "Pass", id="passed"),
        pytest.param("Completed_With_Error", [engine("Fail", "0")], "completed", "Fail", id="failed"),
        pytest.param("Completed", [engine("Awaited", "Awaited")], "error", "Error", id="ended without a verdict"),
        pytest.param("Error", [{"type": "ChaosEngine", "name": "kill"}], "error", "Error", id="no engine came to be"),
        pytest.param("Completed", [], "completed", "NotMeasured", id="no faults"),
        pytest.param("Stopped", [engine("Stopped", "0")], "stopped", "Stopped", id="stopped by a person there"),
        pytest.param("Terminated", [], "stopped", "Stopped", id="terminated"),
    ],
)
def test_how_a_run_ends(
    center_stage: CenterStage, phase: str, engines: list[dict[str, object]], state: str, verdict: str
) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()
    center_stage.center.show(phase, *engines)
    center_stage.pump(20)
    assert (state, verdict) == (center_stage.run(run).state, center_stage.run(run).verdict)
    assert [] == center_stage.open()


def test_a_look_that_shows_nothing_new_is_no_report(center_stage: CenterStage) -> None:
    center_stage.by_hand()
    center_stage.center.begin()
    center_stage.pump(300)
    assert 10 < center_stage.center.count("getExperimentRun") < 60
    assert ["running"] == center_stage.verdicts("report")


def test_a_run_that_outstays_its_deadline_needs_attention_and_is_given_up_after_a_day(
    center_stage: CenterStage,
) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()
    center_stage.center.show("Running", engine("Awaited", "Awaited", experimentStatus="Running"))
    center_stage.pump(4300)
    assert "needs_attention" == center_stage.run(run).state
    center_stage.pump(86_400)
    assert ("error", []) == (center_stage.run(run).state, center_stage.open())
    assert "did not say within a day" in center_stage.run(run).message


def test_a_run_that_no_agent_takes_in_time_is_stopped_and_expires(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    center_stage.pump(3700)
    assert ("expired", "Stopped") == (center_stage.run(run).state, center_stage.center.runs[0]["phase"])
    assert "did not start it by" in center_stage.run(run).message


def test_a_person_stops_a_run(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    center_stage.center.begin()
    center_stage.pump(10)
    center_stage.dispatching.stop("shop", run)
    center_stage.pump(70)
    assert ("stopped", "Stopped") == (center_stage.run(run).state, center_stage.center.runs[0]["phase"])
    assert ["done", "done"] == [order.state for order in center_stage.orders()]


def test_stopping_what_has_not_started_starts_nothing(center_stage: CenterStage) -> None:
    center_stage.center.active = False
    run = center_stage.by_hand()
    center_stage.dispatching.stop("shop", run)
    center_stage.center.active = True
    center_stage.pump(120)
    assert ("skipped", []) == (center_stage.run(run).state, center_stage.center.runs)
    assert ["refused", "done"] == [order.state for order in center_stage.orders()]


def test_a_subscriber_may_not_take_what_a_chaoscenter_carries_out(center_stage: CenterStage) -> None:
    center_stage.by_hand()
    with pytest.raises(Conflict, match="through a ChaosCenter"):
        center_stage.poll("c1")


def test_a_schedule_is_not_installed_through_a_chaoscenter(center_stage: CenterStage) -> None:
    center_stage.by_hand()
    asked = msgspec.structs.replace(center_stage.the_order(), id="install-1", action="install", state="ready", run=None)
    center_stage.store.store.commit([ORDERS.put(asked, "c1", asked.id)])
    center_stage.delivering.order(message(new_id, "dispatch", "order", cluster="c1", order=asked.id))
    center_stage.pump()
    assert "refused" == center_stage.order("install-1").state
    assert "give the cluster a subscriber" in center_stage.order("install-1").reason


def test_the_same_experiment_of_two_clusters_is_started_for_one_at_a_time(center_stage: CenterStage) -> None:
    center_stage.through("c2")
    center_stage.dispatching.start("shop", "kill", ["c1", "c2"], "person", "ada")
    center_stage.pump(20)
    marks = [json.loads(run["experimentManifest"])["metadata"]["labels"] for run in center_stage.center.runs]
    wanted = {order.id for name in ("c1", "c2") for order in center_stage.orders(name)}
    assert wanted == {labels["litmuschaos.io/order"] for labels in marks}


def test_nobody_of_ours_saves_the_same_experiment_between_a_save_and_its_run(center_stage: CenterStage) -> None:
    center_stage.through("c2")
    runs = center_stage.dispatching.start("shop", "kill", ["c1", "c2"], "person", "ada")
    refused: list[str] = []

    def other() -> None:
        center_stage.center.once_saved = lambda: None
        try:
            center_stage.centering.look(errand_due("c2", runs[1].id))
        except NotYet as error:
            refused.append(str(error))

    center_stage.center.once_saved = other
    for run in runs:
        center_stage.delivering.order(message(new_id, "dispatch", "order", cluster=run.cluster, order=run.id))
    with pytest.raises(NotYet):
        center_stage.centering.look(errand_due("c1", runs[0].id))
    assert 1 == len(refused)
    assert "is being started in this ChaosCenter for another order" in refused[0]


def test_the_workflow_is_moved_to_the_namespace_of_its_infrastructure(center_stage: CenterStage) -> None:
    center_stage.center.namespace = "chaos"
    center_stage.text(WORKFLOW.replace(b"labels:", b"namespace: litmus\n  labels:"))
    center_stage.by_hand()
    [saved] = center_stage.center.revisions["kill"]
    assert "chaos" == json.loads(saved["manifest"])["metadata"]["namespace"]


def test_a_message_about_what_is_gone_does_nothing(center_stage: CenterStage) -> None:
    run = center_stage.by_hand()
    [due] = errands_due(center_stage.store, "c1")
    center_stage.cluster("c1")
    center_stage.centering.look(due)
    assert ERRANDS.load(center_stage.store, "c1", run)
    center_stage.centering.look(msgspec.structs.replace(due, ids={"cluster": "c1", "order": "none"}))
    assert 0 == center_stage.center.count("getExperimentRun")
