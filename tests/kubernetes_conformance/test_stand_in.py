import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient, AppsV1Api, CustomObjectsApi

from infra.demo.kubernetes_api.definitions import definitions, install
from infra.demo.operator import Operator, Outcome, Pace
from tests.kubernetes_conformance.manifests import workload

ENGINE = """
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  generateName: kill-
spec:
  engineState: active
  chaosServiceAccount: chaos
  experiments: [{name: pod-delete}]
"""
WORKFLOW = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "w"},
    "spec": {
        "entrypoint": "chaos",
        "templates": [
            {"name": "chaos", "steps": [[{"name": "kill", "template": "kill"}]]},
            {"name": "kill", "inputs": {"artifacts": [{"name": "e", "path": "/e", "raw": {"data": ENGINE}}]}},
        ],
    },
}
PACE = Pace(look=0.05, fault=0.1, rollout=0.05)
SECONDS = 15.0


def eventually_found(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_stand_in_brings_a_workflow_to_its_verdict(kubernetes_api: Path, admin: ApiClient, namespace: str) -> None:
    install(admin, definitions())
    objects = CustomObjectsApi(admin)
    argo, litmus = ("argoproj.io", "v1alpha1", namespace), ("litmuschaos.io", "v1alpha1", namespace)

    def ended() -> Any:
        found: Any = objects.get_namespaced_custom_object(*argo, "workflows", "w")
        return found if "finishedAt" in found.get("status", {}) else None

    objects.create_namespaced_custom_object(*argo, "workflows", WORKFLOW)
    with Operator(kubernetes_api, namespace=namespace, outcomes={"pod-delete": Outcome("Fail")}, pace=PACE):
        workflow = eventually_found(ended)
    listed: Any = objects.list_namespaced_custom_object(*litmus, "chaosresults")
    [result] = listed["items"]
    assert ("Failed", "Fail") == (workflow["status"]["phase"], result["status"]["experimentStatus"]["verdict"])


def test_the_stand_in_rolls_a_deployment_out(kubernetes_api: Path, apps: AppsV1Api, namespace: str) -> None:
    def rolled() -> Any:
        found: Any = apps.read_namespaced_deployment("till", namespace)
        return found if found.status.available_replicas else None

    apps.create_namespaced_deployment(namespace, workload())
    with Operator(kubernetes_api, namespace=namespace, rollouts=True, pace=PACE):
        found = eventually_found(rolled)
    assert (1, 1, 2) == (found.metadata.generation, found.status.observed_generation, found.status.updated_replicas)
