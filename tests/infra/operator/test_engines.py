from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CustomObjectsApi

from infra.demo.kubernetes_api import ApiServer
from infra.demo.kubernetes_api.definitions import definitions, install
from infra.demo.operator import Operator, Outcome
from tests.infra.operator.helpers import (
    LITMUS,
    MERGE,
    QUICK,
    SLOW_FAULT,
    engine,
    engine_status,
    engines,
    passed_runs,
    results,
    seen,
    verdict,
)
from tests.real.connections import connected


def test_an_active_engine_gets_an_awaited_result_of_its_own(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    made: Any = objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine(probes=1))
    with Operator(kubeconfig, pace=SLOW_FAULT):
        result = seen(lambda: results(objects), bool)["till-kill-pod-delete"]
        state = seen(lambda: engines(objects)[0]["status"]["experiments"][0], lambda one: one["status"] == "Running")
    assert result["metadata"]["labels"]["chaosUID"] == made["metadata"]["uid"]
    assert result["spec"] == {"engine": "till-kill", "experiment": "pod-delete"}
    assert verdict(result) == ("Running", "Awaited", "Awaited")
    assert ("initialized", "Awaited") == (engine_status(objects), state["verdict"])


@pytest.mark.parametrize(
    ("outcome", "probes", "expected"),
    [
        pytest.param(None, 0, ("Completed", "Pass", "100"), id="passes-unless-told-otherwise"),
        pytest.param(Outcome("Fail", 50), 2, ("Completed_With_Probe_Failure", "Fail", "50"), id="half-of-its-probes"),
        pytest.param(Outcome("Fail"), 0, ("Completed", "Fail", "0"), id="without-probes"),
        pytest.param(Outcome("Error"), 1, ("Error", "Error", "0"), id="error"),
    ],
)
def test_a_fault_ends_as_it_was_told(
    kubeconfig: Path, objects: CustomObjectsApi, outcome: Outcome | None, probes: int, expected: tuple[str, str, str]
) -> None:
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine(probes=probes))
    with Operator(kubeconfig, outcomes={"pod-delete": outcome} if outcome else None, pace=QUICK):
        seen(lambda: engine_status(objects), lambda status: status == "completed")
    result = results(objects)["till-kill-pod-delete"]
    assert verdict(result) == expected
    passed = [probe["status"]["verdict"] for probe in result["status"]["probeStatuses"]].count("Passed")
    assert passed == probes * int(expected[2]) // 100
    [ended] = engines(objects)
    assert ("stop", expected[1]) == (ended["spec"]["engineState"], ended["status"]["experiments"][0]["verdict"])


def test_faults_of_one_engine_come_one_after_the_other(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine(faults=("first", "second")))
    with Operator(kubeconfig, pace=QUICK):
        seen(lambda: results(objects), lambda found: len(found) == 2)
        assert verdict(results(objects)["till-kill-first"])[1] == "Pass"
        seen(lambda: engine_status(objects), lambda status: status == "completed")
    assert [verdict(one)[1] for one in results(objects).values()] == ["Pass", "Pass"]


def test_an_engine_that_is_told_to_stop_is_aborted(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine(faults=("first", "second")))
    stop = {"spec": {"engineState": "stop"}}
    with Operator(kubeconfig, pace=SLOW_FAULT):
        seen(lambda: results(objects), bool)
        objects.patch_namespaced_custom_object(*LITMUS, "chaosengines", "till-kill", stop, _content_type=MERGE)
        seen(lambda: engine_status(objects), lambda status: status == "stopped")
    [aborted] = engines(objects)
    assert verdict(results(objects)["till-kill-first"]) == ("Stopped", "Stopped", "0")
    assert {("Forcefully Aborted", "Stopped")} == {
        (one["status"], one["verdict"]) for one in aborted["status"]["experiments"]
    }


def test_an_ended_engine_that_is_made_active_again_starts_anew(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine())
    again = {"spec": {"engineState": "active"}}
    with Operator(kubeconfig, pace=QUICK):
        seen(lambda: engine_status(objects), lambda status: status == "completed")
        objects.patch_namespaced_custom_object(*LITMUS, "chaosengines", "till-kill", again, _content_type=MERGE)
        seen(lambda: passed_runs(objects), lambda runs: runs == 2)


def test_a_result_of_an_earlier_engine_is_taken_over(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    uids = []
    with Operator(kubeconfig, pace=QUICK):
        for _ in range(2):
            made: Any = objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine())
            seen(lambda: engine_status(objects), lambda status: status == "completed")
            objects.delete_namespaced_custom_object(*LITMUS, "chaosengines", "till-kill")
            uids.append(made["metadata"]["uid"])
    assert (2, uids[1]) == (
        passed_runs(objects),
        results(objects)["till-kill-pod-delete"]["metadata"]["labels"]["chaosUID"],
    )


def test_a_malformed_object_holds_up_no_other(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    broken = engine("broken") | {"spec": {"experiments": [{"no": "name"}]}}
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", broken)
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine())
    with Operator(kubeconfig, pace=QUICK):
        seen(lambda: results(objects), lambda found: bool(found) and verdict(*found.values())[1] == "Pass")


def test_an_operator_waits_for_the_custom_resources(tmp_path: Path) -> None:
    with (
        ApiServer() as api,
        connected(api.kubeconfig(tmp_path / "kubeconfig")) as client,
        Operator(tmp_path / "kubeconfig", pace=QUICK),
    ):
        install(client, definitions())
        objects = CustomObjectsApi(client)
        objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine())
        seen(lambda: engine_status(objects), lambda status: status == "completed")
