"""Manifests to try, and how to read them."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Final

from shared.model.experiments import Manifest, Problem
from shared.wire.documents import Document
from shared.wire.manifests import read_manifest
from shared.wire.yaml import read_yaml

WORKFLOW: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: kill-a-pod
  namespace: litmus
  labels:
    workflow_id: 7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10
    infra_id: c1
spec:
  entrypoint: main
  arguments:
    parameters:
      - name: target
        value: shop
      - name: copies
        value: 1.50
      - name: asked
  templates:
    - name: main
      steps:
        - - name: kill
            template: kill
    - name: kill
      metadata:
        labels:
          weight: "7"
      inputs:
        artifacts:
          - name: engine
            path: /tmp/engine.yaml
            raw:
              data: |
@@
"""


ENGINE: Final = """\
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  generateName: kill
  namespace: "{{workflow.parameters.target}}"
spec:
  appinfo: {appns: "{{workflow.parameters.target}}", applabel: app=web, appkind: deployment}
  engineState: active
  chaosServiceAccount: litmus-admin
  experiments:
    - name: pod-delete
      spec:
        probe:
          - name: answers
"""


CRON: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: 30 2 * * 1-5
  timezone: Europe/Berlin
  workflowSpec:
    entrypoint: main
    templates: [{name: main, container: {image: busybox}}]
"""


def read(text: str) -> Manifest | Problem:
    document = read_yaml(text.encode())
    assert isinstance(document, Document), document
    return read_manifest(document)


def manifest(text: str) -> Manifest:
    found = read(text)
    assert isinstance(found, Manifest), found
    return found


def problem(text: str) -> Problem:
    found = read(text)
    assert isinstance(found, Problem), found
    return found


def workflow(engine: str = ENGINE) -> str:
    return WORKFLOW.replace("@@", indent(dedent(engine), " " * 16))


def swapped(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def messages(found: Manifest) -> list[str]:
    return [warning.message for warning in found.warnings]
