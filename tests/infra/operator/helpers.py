"""What is carried out, and how to see how far it came."""

import time
from collections.abc import Callable
from typing import Any

from kubernetes.client import CustomObjectsApi

from infra.demo.operator import Pace
from tests.real.connections import Manifest

LITMUS = ("litmuschaos.io", "v1alpha1", "default")
ARGO = ("argoproj.io", "v1alpha1", "default")
MERGE = "application/merge-patch+json"
QUICK = Pace(look=0.02, fault=0.1, rollout=0.05)
SLOW_FAULT = Pace(look=0.02, fault=30.0)
SECONDS = 10.0


def seen(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is found as soon as it is as wanted; the last that was found stands in the failure."""
    deadline = time.monotonic() + SECONDS
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def engine(name: str = "till-kill", faults: tuple[str, ...] = ("pod-delete",), probes: int = 0) -> Manifest:
    probe = [{"name": f"p{n}", "type": "httpProbe", "mode": "Edge", "httpProbe/inputs": {}} for n in range(probes)]
    experiments = [{"name": fault, "spec": {"probe": probe}} for fault in faults]
    head = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine", "metadata": {"name": name}}
    return head | {"spec": {"engineState": "active", "chaosServiceAccount": "chaos", "experiments": experiments}}


def engines(objects: CustomObjectsApi) -> list[Any]:
    found: Any = objects.list_namespaced_custom_object(*LITMUS, "chaosengines")
    return list(found["items"])


def results(objects: CustomObjectsApi) -> dict[str, Any]:
    found: Any = objects.list_namespaced_custom_object(*LITMUS, "chaosresults")
    return {one["metadata"]["name"]: one for one in found["items"]}


def engine_status(objects: CustomObjectsApi) -> str:
    return str(engines(objects)[0].get("status", {}).get("engineStatus"))


def verdict(result: Any) -> tuple[str, str, str]:
    shown = result["status"]["experimentStatus"]
    return shown["phase"], shown["verdict"], shown["probeSuccessPercentage"]


def passed_runs(objects: CustomObjectsApi) -> int:
    return int(results(objects)["till-kill-pod-delete"]["status"]["history"]["passedRuns"])


EMBEDDED = """
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  generateName: {fault}-
  namespace: "{{{{workflow.parameters.adminModeNamespace}}}}"
  labels:
    workflow_run_id: "{{{{workflow.uid}}}}"
    step_pod_name: "{{{{ pod.name }}}}"
  annotations:
    left: "{{{{inputs.parameters.unknown}}}}"
spec:
  engineState: active
  experiments: [{{name: {fault}}}]
"""


def workflow(*faults: str, data: str = EMBEDDED) -> Manifest:
    """Steps one after the other: an installation, then each fault."""
    steps = [[{"name": name, "template": name}] for name in ("install", *faults)]
    artifact = [{"name": "e", "path": "/e", "raw": {"data": data.format(fault=fault)}} for fault in faults]
    templates: list[dict[str, Any]] = [{"name": "chaos", "steps": steps}, {"name": "install", "container": {}}]
    templates += [{"name": fault, "inputs": {"artifacts": [one]}} for fault, one in zip(faults, artifact, strict=True)]
    parameters = {"parameters": [{"name": "adminModeNamespace", "value": "default"}]}
    spec = {"entrypoint": "chaos", "arguments": parameters, "templates": templates}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec}


def workflow_now(objects: CustomObjectsApi) -> Any:
    return objects.get_namespaced_custom_object(*ARGO, "workflows", "w")


def ended(found: Any) -> bool:
    return "finishedAt" in found.get("status", {})
