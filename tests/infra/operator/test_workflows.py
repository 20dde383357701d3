from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CustomObjectsApi

from infra.demo.operator import Operator, Outcome
from tests.infra.operator.helpers import (
    ARGO,
    LITMUS,
    MERGE,
    QUICK,
    SLOW_FAULT,
    ended,
    engine_status,
    engines,
    results,
    seen,
    workflow,
    workflow_now,
)


def test_a_workflow_creates_its_engines_rendered_and_in_order(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    made: Any = objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first", "second"))
    with Operator(kubeconfig, pace=QUICK):
        found = seen(lambda: workflow_now(objects), ended)
    meta = {one["metadata"]["generateName"]: one["metadata"] for one in engines(objects)}
    assert list(meta) == ["first-", "second-"]
    assert [meta[key]["labels"]["workflow_run_id"] for key in meta] == [made["metadata"]["uid"]] * 2
    assert meta["first-"]["labels"]["step_pod_name"].startswith("w-first-")
    assert meta["first-"]["annotations"] == {"left": "{{inputs.parameters.unknown}}"}
    assert ("Succeeded", 3) == (found["status"]["phase"], len(found["status"]["nodes"]))
    assert found["metadata"]["labels"]["workflows.argoproj.io/phase"] == "Succeeded"


def test_a_workflow_fails_with_its_fault_and_goes_no_further(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first", "second"))
    with Operator(kubeconfig, outcomes={"first": Outcome("Fail")}, pace=QUICK):
        found = seen(lambda: workflow_now(objects), ended)
    assert ("Failed", 1) == (found["status"]["phase"], len(engines(objects)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("kind: [broken", id="no-yaml"),
        pytest.param("apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\nmetadata: {{}}\n", id="refused"),
    ],
)
def test_a_workflow_whose_engine_cannot_be_created_fails(
    kubeconfig: Path, objects: CustomObjectsApi, data: str
) -> None:
    objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first", data=data))
    with Operator(kubeconfig, pace=QUICK):
        found = seen(lambda: workflow_now(objects), ended)
    assert ("Failed", []) == (found["status"]["phase"], engines(objects))


def test_a_workflow_that_is_shut_down_stops_its_engine(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first"))
    stop = {"spec": {"shutdown": "Terminate"}}
    with Operator(kubeconfig, pace=SLOW_FAULT):
        seen(lambda: results(objects), bool)
        objects.patch_namespaced_custom_object(*ARGO, "workflows", "w", stop, _content_type=MERGE)
        seen(lambda: engine_status(objects), lambda status: status == "stopped")
    assert "Failed" == workflow_now(objects)["status"]["phase"]


def test_an_operator_that_comes_back_goes_on_where_it_was(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first"))
    with Operator(kubeconfig, pace=SLOW_FAULT):
        seen(lambda: results(objects), bool)
    with Operator(kubeconfig, pace=QUICK):
        found = seen(lambda: workflow_now(objects), ended)
    assert ("Succeeded", 1) == (found["status"]["phase"], len(engines(objects)))


def test_a_workflow_fails_when_its_engine_is_deleted(kubeconfig: Path, objects: CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*ARGO, "workflows", workflow("first"))
    with Operator(kubeconfig, pace=SLOW_FAULT):
        [running] = seen(lambda: engines(objects), bool)
        seen(lambda: len(workflow_now(objects)["status"]["nodes"]), lambda count: count == 2)
        objects.delete_namespaced_custom_object(*LITMUS, "chaosengines", running["metadata"]["name"])
        found = seen(lambda: workflow_now(objects), ended)
    assert "Failed" == found["status"]["phase"]
