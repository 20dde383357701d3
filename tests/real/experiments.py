"""The demo's experiment in every kind that an order may carry; it passes upstream's schemas, too."""

from typing import Any

import yaml

from infra.demo import manifests

NAMESPACE = manifests.NAMESPACE
SCHEDULE = f"""\
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosSchedule
metadata:
  name: hourly
  namespace: {NAMESPACE}
spec:
  schedule:
    repeat:
      properties:
        minChaosInterval:
          hour:
            everyNthHour: 1
  engineTemplateSpec:
    engineState: active
    chaosServiceAccount: {manifests.SERVICE_ACCOUNT}
    experiments:
      - name: {manifests.FAULT}
"""


def workflow() -> Any:
    """Return the demo's Workflow."""
    return yaml.safe_load(manifests.EXPERIMENT)


def nightly() -> str:
    """Return the same on a schedule."""
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow"}
    metadata = {"name": "nightly", "namespace": NAMESPACE}
    spec = {"schedule": "0 3 * * *", "workflowSpec": workflow()["spec"]}
    return str(yaml.safe_dump(head | {"metadata": metadata, "spec": spec}))


def lone_engine() -> str:
    """Return the ChaosEngine inside it."""
    [*_, template] = workflow()["spec"]["templates"]
    text: str = template["inputs"]["artifacts"][0]["raw"]["data"]
    return text.replace("{{workflow.parameters.adminModeNamespace}}", NAMESPACE)
