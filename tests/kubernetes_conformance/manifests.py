"""The objects that the claims are made about."""

from typing import Any

from tests.real.connections import Manifest
from tests.real.receiver import Receiver

GROUP = "conformance.litmus-gitops.test"
LABELS = {"app": "till"}
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [
                {
                    "group": "apps",
                    "resources": [
                        f"{plural}{below}"
                        for plural in ("deployments", "statefulsets", "daemonsets")
                        for below in ("", "/scale", "/status")
                    ],
                }
            ],
        },
        {"level": "None"},
    ],
}


def workload(kind: str = "Deployment", name: str = "till", image: str = "till:1.0", **meta: Any) -> Manifest:
    """A workload with two containers, as short as the API takes it."""
    containers = [
        {"name": "till", "image": image, "env": [{"name": "MODE", "value": "a"}]},
        {"name": "side", "image": "side:1.0", "command": ["sleep", "1d"]},
    ]
    spec: dict[str, Any] = {"selector": {"matchLabels": LABELS}}
    spec |= {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": containers}}}
    spec |= {} if kind == "DaemonSet" else {"replicas": 2}
    spec |= {"serviceName": "till"} if kind == "StatefulSet" else {}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, **meta}, "spec": spec}


def image_patch(image: str) -> dict[str, Any]:
    """A strategic merge patch of one container."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "till", "image": image}]}}}}


def config_map(name: str = "settings", data: dict[str, str] | None = None, **meta: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": data or {"mode": "a"}}


def definition(kind: str, *, subresources: dict[str, Any]) -> Manifest:
    """A CustomResourceDefinition that preserves whatever is sent."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": subresources}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": spec,
    }


def custom(kind: str, name: str = "one", **body: Any) -> Manifest:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": {"size": 1}} | body


def webhook(receiver: Receiver, namespace: str, resources: list[str], **more: Any) -> Manifest:
    """A validating webhook for one namespace, named like it."""
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": resources}
    entry = {
        "name": "changes.litmus-gitops.test",
        "clientConfig": {"url": f"{receiver.url}/admission/here", "caBundle": receiver.ca_bundle},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    }
    kind = "ValidatingWebhookConfiguration"
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": namespace}}
    return head | {"webhooks": [entry | more]}
