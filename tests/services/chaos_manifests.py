"""What the tests' orders ask for: an engine, a Workflow, a CronWorkflow."""

from __future__ import annotations

import json


def engine(namespace: str, fault: str = "pod-delete", name: str = "web-chaos") -> str:
    return json.dumps(
        {
            "apiVersion": "litmuschaos.io/v1alpha1",
            "kind": "ChaosEngine",
            "metadata": {"name": name, "namespace": namespace, "labels": {"weight": "20"}},
            "spec": {
                "engineState": "active",
                "chaosServiceAccount": "chaos",
                "appinfo": {"appns": namespace, "applabel": "app=web", "appkind": "deployment"},
                "experiments": [{"name": fault, "spec": {"probe": [{"name": "alive", "type": "httpProbe"}]}}],
            },
        },
        indent=1,
    )


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: web-pod-delete
  namespace: NAMESPACE
spec:
  entrypoint: main
  serviceAccountName: chaos
  arguments:
    parameters:
      - name: adminModeNamespace
        value: NAMESPACE
  templates:
    - name: main
      steps:
        - - name: kill
            template: kill
    - name: kill
      metadata:
        labels:
          weight: "30"
      inputs:
        artifacts:
          - name: engine
            path: /tmp/engine.yaml
            raw:
              data: |
                apiVersion: litmuschaos.io/v1alpha1
                kind: ChaosEngine
                metadata:
                  generateName: web-kill-
                  namespace: "{{workflow.parameters.adminModeNamespace}}"
                spec:
                  engineState: active
                  chaosServiceAccount: chaos
                  appinfo: {appns: "{{workflow.parameters.adminModeNamespace}}", applabel: app=web, appkind: deployment}
                  experiments:
                    - name: FAULT
                      spec:
                        probe:
                          - name: alive
                            type: httpProbe
      container:
        image: registry.example/checker:1
"""


def workflow(namespace: str, fault: str = "pod-delete") -> str:
    return WORKFLOW.replace("NAMESPACE", namespace).replace("FAULT", fault)


def cron(namespace: str, name: str = "nightly") -> str:
    spec = workflow(namespace).partition("\nspec:\n")[2].replace("\n", "\n  ").rstrip()
    head = (
        f"apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
    )
    return f'{head}spec:\n  schedule: "0 3 * * *"\n  workflowSpec:\n  {spec}\n'
