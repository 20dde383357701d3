"""What the demo puts into git and into the cluster; all of it is the demo's own."""

from __future__ import annotations

from typing import Any

NAMESPACE = "litmus-gitops-demo"
SYSTEM = "litmus-gitops-demo-system"
"""Where the demo's subscriber keeps its records: never where one of the cluster's own would be."""

WORKFLOW_ID = "demo-web-pod-delete"
FAULT = "pod-delete"
SERVICE_ACCOUNT = "demo-chaos"
IMAGES = ("registry.example/web:1.0.0", "registry.example/web:1.1.0")

LEFTOVERS = (
    ("admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "litmus-gitops-demo"),
    ("v1/namespaces", NAMESPACE),
    ("v1/namespaces", SYSTEM),
)

EXPERIMENT = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: web-pod-delete
  namespace: {NAMESPACE}
  labels:
    workflow_id: {WORKFLOW_ID}
spec:
  entrypoint: chaos
  serviceAccountName: {SERVICE_ACCOUNT}
  arguments:
    parameters:
      - name: adminModeNamespace
        value: {NAMESPACE}
  templates:
    - name: chaos
      steps:
        - - name: delete-a-pod
            template: delete-a-pod
    - name: delete-a-pod
      metadata:
        labels:
          weight: "10"
      inputs:
        artifacts:
          - name: engine
            path: /tmp/engine.yaml
            raw:
              data: |
                apiVersion: litmuschaos.io/v1alpha1
                kind: ChaosEngine
                metadata:
                  generateName: web-pod-delete-
                  namespace: "{{{{workflow.parameters.adminModeNamespace}}}}"
                spec:
                  engineState: active
                  chaosServiceAccount: {SERVICE_ACCOUNT}
                  appinfo:
                    appns: "{{{{workflow.parameters.adminModeNamespace}}}}"
                    applabel: app=web
                    appkind: deployment
                  experiments:
                    - name: {FAULT}
                      spec:
                        probe:
                          - name: web-answers
                            type: httpProbe
                            mode: Continuous
                            httpProbe/inputs:
                              url: http://web.{NAMESPACE}.svc
                              method:
                                get:
                                  criteria: ==
                                  responseCode: "200"
                            runProperties:
                              probeTimeout: 1s
                              interval: 1s
                        components:
                          env:
                            - name: TOTAL_CHAOS_DURATION
                              value: "10"
      container:
        image: registry.example/chaos-checker:1
        args: ["-file=/tmp/engine.yaml"]
"""

POLICY = f"""\
apiVersion: eventtracker.litmuschaos.io/v1
kind: EventTrackerPolicy
metadata:
  name: new-image
  namespace: {NAMESPACE}
spec:
  condition_type: and
  conditions:
    - key: spec.template.spec.containers[0].image
      operator: Change
"""


def deployment(image: str) -> dict[str, Any]:
    """Return the watched workload with one container of this image."""
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": NAMESPACE,
            "annotations": {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": WORKFLOW_ID},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def webhook(url: str, authority: str | None) -> dict[str, Any]:
    """Return the registration of the admission webhook; `authority` is a CA certificate in base64."""
    client = {"url": url} | ({"caBundle": authority} if authority else {})
    rules = [
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
            "resources": ["deployments", "deployments/scale", "statefulsets", "statefulsets/scale", "daemonsets"],
        }
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "litmus-gitops-demo"},
        "webhooks": [
            {
                "name": "workloads.litmus-gitops.demo",
                "clientConfig": client,
                "rules": rules,
                "failurePolicy": "Ignore",
                "sideEffects": "NoneOnDryRun",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 3,
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
            }
        ],
    }


def ground() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (resource, namespace, object) of what a chaos-ready cluster has before the demo's workload comes."""
    return [
        ("v1/namespaces", "", _object("v1", "Namespace", NAMESPACE)),
        ("v1/namespaces", "", _object("v1", "Namespace", SYSTEM)),
        ("v1/serviceaccounts", NAMESPACE, _object("v1", "ServiceAccount", SERVICE_ACCOUNT, NAMESPACE)),
        (
            "litmuschaos.io/v1alpha1/chaosexperiments",
            NAMESPACE,
            _object("litmuschaos.io/v1alpha1", "ChaosExperiment", FAULT, NAMESPACE) | {"spec": {"definition": {}}},
        ),
        *(
            ("apps/v1/deployments", NAMESPACE, _controller(name))
            for name in ("chaos-operator-ce", "workflow-controller")
        ),
    ]


def node() -> dict[str, Any]:
    """Return a ready node, for a cluster that has none because nothing runs in it."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the demo's node"}
    return _object("v1", "Node", "demo-node") | {"spec": {}, "status": {"conditions": [ready]}}


def _object(version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _controller(name: str) -> dict[str, Any]:
    labels = {"app": name, "app.kubernetes.io/component": "operator"}
    container = {"name": name, "image": f"registry.example/{name}:1"}
    return _object("apps/v1", "Deployment", name, NAMESPACE) | {
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
    }
