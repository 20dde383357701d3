from typing import Any

import pytest

from shared.model.runs import FaultResult
from shared.rules.outcomes import Engine, Facts, Outcome, conclude, engine_of, fault_results, remembered

SHOP = Engine("u1", "shop-x", "litmus", 10, {"pod-delete": ""}, status="completed")


def chaos_engine(name: str = "shop-x", uid: str = "u1", **metadata: Any) -> dict[str, Any]:
    experiments = [{"name": "pod-delete", "spec": {"probe": [{"name": "alive"}]}}, {"name": "pod-cpu-hog"}]
    status = {"engineStatus": "initialized", "experiments": [{"name": "pod-delete", "verdict": "Awaited"}]}
    head = {"name": name, "namespace": "litmus", "uid": uid} | metadata
    return {"kind": "ChaosEngine", "metadata": head, "spec": {"experiments": experiments}, "status": status}


def chaos_result(verdict: str, score: str, uid: str = "u1", *, probes: bool = True) -> dict[str, Any]:
    experiment = {"phase": "Completed", "verdict": verdict, "probeSuccessPercentage": score}
    status: dict[str, Any] = {"experimentStatus": experiment}
    if probes:
        status["probeStatuses"] = [{"name": "alive", "status": {"verdict": "Passed"}}]
    head = {"name": "a-name-that-many-runs-share", "labels": {"chaosUID": uid}}
    return {"metadata": head, "spec": {"engine": "shop-x", "experiment": "pod-delete"}, "status": status}


PASSED = chaos_result("Pass", "100")
PASS = FaultResult("pod-delete", "Pass", 100.0)
FAIL = FaultResult("pod-delete", "Fail", 50.0)
ERROR = FaultResult("pod-delete", "Error", 0.0, measured=False)
AWAITED = FaultResult("pod-delete", "Awaited", None, measured=False)


def test_an_engine_is_read_by_its_labels_annotations_and_status() -> None:
    expected = Engine("u1", "shop-x", "litmus", 30, {"pod-delete": "Awaited", "pod-cpu-hog": ""}, status="initialized")
    assert expected == engine_of(chaos_engine(labels={"litmuschaos.io/weight": "30", "weight": "5"}))


def test_a_bare_engine_is_read_too() -> None:
    assert Engine("u1", "shop-x", "") == engine_of({"metadata": {"name": "shop-x", "uid": "u1"}})


@pytest.mark.parametrize(
    "status", [pytest.param(None, id="never begun"), pytest.param("stopped", id="aborted at once")]
)
def test_a_stopped_engine_without_a_word_on_its_faults_has_stopped_them(status: str | None) -> None:
    spec = {"engineState": "stop", "experiments": [{"name": "a"}]}
    engine = engine_of(chaos_engine() | {"spec": spec, "status": {"engineStatus": status}})
    assert ("stopped", {"a": "Stopped"}, False) == (engine.status, engine.verdicts, engine.open)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        pytest.param("5", 5, id="a number"),
        pytest.param("0", 0, id="nothing"),
        pytest.param("", 10, id="empty"),
        pytest.param("heavy", 10, id="a word"),
        pytest.param("-1", 10, id="below nothing"),
        pytest.param("1" * 10, 10, id="beyond reason"),
    ],
)
def test_a_weight_that_is_no_number_is_the_default(label: str, expected: int) -> None:
    assert expected == engine_of(chaos_engine(labels={"weight": label})).weight


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("", False, id="none"),
        pytest.param("[]", False, id="empty list"),
        pytest.param('[{"name": "alive", "mode": "SOT"}]', False, id="resolved into the engine"),
        pytest.param('[{"name": "alive"}, {"name": "http-probe"}]', True, id="one left unresolved"),
        pytest.param('["http-probe"]', False, id="a list of no references"),
        pytest.param('{"name": "http-probe"}', True, id="no list"),
        pytest.param("http-probe", True, id="no JSON"),
    ],
)
def test_a_probe_reference_that_the_engine_does_not_hold_is_unresolved(reference: str, expected: bool) -> None:
    assert expected is engine_of(chaos_engine(annotations={"probeRef": reference})).unresolved


def test_an_experiment_that_is_not_installed_is_an_error() -> None:
    obj = chaos_engine()
    obj["status"]["experiments"][0] = {"name": "pod-delete", "status": "ChaosExperiment Not Found", "verdict": "N/A"}
    assert "Error" == engine_of(obj).verdicts["pod-delete"]


def test_a_deleted_engine_is_remembered_as_gone_and_a_new_one_of_its_name_is_another() -> None:
    known = (Engine("u0", "shop-x", "litmus", 20, {"pod-delete": "Pass"}, status="completed"),)
    expected = [("u0", "gone", 20), ("u1", "initialized", 10)]
    engines = remembered(known, [chaos_engine()])
    assert expected == sorted((engine.uid, engine.status, engine.weight) for engine in engines)


@pytest.mark.parametrize(
    ("engine", "results", "expected"),
    [
        pytest.param(SHOP, [PASSED], PASS, id="probes passed"),
        pytest.param(SHOP, [chaos_result("Fail", "50")], FAIL, id="half of the probes passed"),
        pytest.param(SHOP, [], AWAITED, id="no result yet"),
        pytest.param(
            SHOP, [chaos_result("Pass", "100", uid="u9")], AWAITED, id="the result of another run under the same name"
        ),
        pytest.param(SHOP, [chaos_result("Awaited", "Awaited", probes=False)], AWAITED, id="awaited"),
        pytest.param(
            SHOP,
            [chaos_result("Awaited", "Awaited")],
            FaultResult("pod-delete", "Awaited", None),
            id="awaited with probes",
        ),
        pytest.param(
            SHOP,
            [chaos_result("Pass", "100", probes=False)],
            FaultResult("pod-delete", "Pass", 100.0, measured=False),
            id="passed without a probe",
        ),
        pytest.param(
            SHOP,
            [chaos_result("Fail", "0", probes=False)],
            FaultResult("pod-delete", "Fail", 0.0, measured=False),
            id="failed without a probe",
        ),
        pytest.param(SHOP, [chaos_result("Pass", "140")], PASS, id="more than everything"),
        pytest.param(
            Engine("u1", "shop-x", "litmus", 30, {"pod-delete": "Pass"}),
            [],
            FaultResult("pod-delete", "Pass", 100.0, 30, measured=False),
            id="the engine's own verdict where there is no result",
        ),
        pytest.param(
            Engine("u1", "shop-x", "litmus", 10, {"pod-delete": ""}, unresolved=True),
            [PASSED],
            FaultResult("pod-delete", "NotMeasured", None, measured=False),
            id="an unresolved probe measures nothing",
        ),
        pytest.param(
            Engine("u1", "shop-x", "litmus", 10, {"pod-delete": ""}, unresolved=True),
            [],
            AWAITED,
            id="an unresolved probe, still running",
        ),
    ],
)
def test_a_fault_is_told_by_the_result_that_bears_its_engine_s_uid(
    engine: Engine, results: list[dict[str, Any]], expected: FaultResult
) -> None:
    assert (expected,) == fault_results([engine], results)


def test_results_without_labels_or_spec_are_passed_over() -> None:
    assert (AWAITED,) == fault_results([SHOP], [{"metadata": {"name": "bare"}}])


RUNNING = Engine("u1", "shop-x", "litmus", 10, {"pod-delete": ""}, status="initialized")
UNSTARTED = Engine("u1", "shop-x", "litmus", 10, {"pod-delete": ""})
NOT_FOUND = Engine("u1", "shop-x", "litmus", 10, {"pod-delete": "Error"}, status="completed")
OPEN = "ChaosEngine shop-x is initialized"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            Facts((), (), phase=""),
            Outcome("running", "Running", "Awaited", (), "the Workflow is not taken up"),
            id="workflow not taken up",
        ),
        pytest.param(
            Facts((RUNNING,), (), phase="Running"),
            Outcome("running", "Running", "Awaited", (AWAITED,), f"the Workflow is Running; {OPEN}"),
            id="running",
        ),
        pytest.param(
            Facts((RUNNING,), (), phase="Running", overdue=True),
            Outcome("needs_attention", "Running", "Error", (AWAITED,), f"overdue: the Workflow is Running; {OPEN}"),
            id="running beyond its time",
        ),
        pytest.param(
            Facts((RUNNING,), (), phase="Running", stopping=True),
            Outcome("running", "Stopping", "Awaited", (AWAITED,), f"the Workflow is Running; {OPEN}"),
            id="being stopped",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,), phase="Succeeded"),
            Outcome("completed", "Succeeded", "Pass", (PASS,), ended=True),
            id="passed",
        ),
        pytest.param(
            Facts((SHOP,), (chaos_result("Fail", "50"),), phase="Failed", message="a step failed"),
            Outcome("completed", "Failed", "Fail", (FAIL,), "a step failed", ended=True),
            id="failed because a fault failed",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,), phase="Error", message="pod was evicted"),
            Outcome("error", "Error", "Error", (PASS,), "pod was evicted", ended=True),
            id="failed though its faults passed",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,), phase="Gone"),
            Outcome("error", "Gone", "Error", (PASS,), "the Workflow is Gone, and no fault says why", ended=True),
            id="deleted by someone",
        ),
        pytest.param(
            Facts((), (), phase="Succeeded"),
            Outcome(
                "completed",
                "Succeeded",
                "NotMeasured",
                (),
                "no ChaosEngine appeared: nothing was measured",
                ended=True,
            ),
            id="no chaos in it",
        ),
        pytest.param(
            Facts((RUNNING,), (PASSED,), phase="Succeeded"),
            Outcome("running", "Succeeded", "Awaited", (PASS,), OPEN),
            id="its engine goes on",
        ),
        pytest.param(
            Facts((RUNNING,), (PASSED,), phase="Succeeded", overdue=True),
            Outcome("needs_attention", "Succeeded", "Pass", (PASS,), f"overdue: {OPEN}"),
            id="its engine outstays it",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,), ("shop-x-runner",), phase="Succeeded", overdue=True),
            Outcome("needs_attention", "Succeeded", "Pass", (PASS,), "overdue: pod shop-x-runner is not finished"),
            id="its pod outstays it",
        ),
        pytest.param(
            Facts((UNSTARTED,), (), overdue=True),
            Outcome("needs_attention", "Running", "Error", (AWAITED,), "overdue: ChaosEngine shop-x is not started"),
            id="a lone engine that no operator takes up",
        ),
        pytest.param(
            Facts((SHOP,), ()),
            Outcome("running", "Running", "Awaited", (AWAITED,)),
            id="a lone engine whose result is on its way",
        ),
        pytest.param(
            Facts((SHOP,), (), overdue=True),
            Outcome("error", "Completed", "Error", (ERROR,), "no verdict came for pod-delete", ended=True),
            id="a lone engine without any result",
        ),
        pytest.param(
            Facts((NOT_FOUND,), ()),
            Outcome("error", "Completed", "Error", (ERROR,), "pod-delete ended with Error", ended=True),
            id="a fault that is not installed",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,)),
            Outcome("completed", "Completed", "Pass", (PASS,), ended=True),
            id="a lone engine that passed",
        ),
        pytest.param(
            Facts((SHOP,), (PASSED,), phase="Failed", message="stopped with strategy 'Stop'", stopping=True),
            Outcome("stopped", "Failed", "Stopped", (PASS,), "stopped with strategy 'Stop'", ended=True),
            id="stopped by an order",
        ),
        pytest.param(
            Facts((SHOP,), (chaos_result("Stopped", "0", probes=False),)),
            Outcome(
                "stopped",
                "Completed",
                "Stopped",
                (FaultResult("pod-delete", "Stopped", 0.0, measured=False),),
                ended=True,
            ),
            id="stopped by someone else",
        ),
        pytest.param(
            Facts((SHOP,), (chaos_result("Perfect", "100"),)),
            Outcome(
                "error",
                "Completed",
                "Error",
                (FaultResult("pod-delete", "Perfect", 100.0),),
                "pod-delete ended with Perfect",
                ended=True,
            ),
            id="a verdict that nobody knows",
        ),
    ],
)
def test_a_run_has_ended_when_nothing_of_its_chaos_is_left(facts: Facts, expected: Outcome) -> None:
    assert expected == conclude(facts)
