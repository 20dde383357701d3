"""The values that the API server fills in, for the kinds that the demo and its tests look at."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

from infra.demo.kubernetes_api.documents import second

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.demo.kubernetes_api.documents import Document

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
ROLLING = "RollingUpdate"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
SPEC: dict[str, Document] = {
    "Deployment": {
        "replicas": 1,
        "strategy": {"type": ROLLING, "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "StatefulSet": {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": ROLLING, "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "DaemonSet": {
        "updateStrategy": {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "revisionHistoryLimit": 10,
    },
    "Namespace": {"finalizers": ["kubernetes"]},
}
POD_SPEC: Document = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
CONTAINER: Document = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
WEBHOOK: Document = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}
STATUS: dict[str, Document] = {
    "Deployment": {},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "Namespace": {"phase": "Active"},
    "Pod": {"phase": "Pending"},
}


def fill(document: Document) -> None:
    """Fill in, in place, what the client left out."""
    kind = document["kind"]
    if kind in SPEC:
        _default(document.setdefault("spec", {}), SPEC[kind])
    if kind in FILLED:
        FILLED[kind](document)


def _default(target: Document, values: Document) -> None:
    for key, value in values.items():
        if key not in target:
            target[key] = copy.deepcopy(value)
        elif isinstance(value, dict) and isinstance(target[key], dict) and _same_type(target[key], value):
            _default(target[key], value)


def _same_type(target: Document, value: Document) -> bool:
    return bool(target.get("type", value.get("type")) == value.get("type"))


def _workload(document: Document) -> None:
    template = document["spec"].setdefault("template", {})
    template.setdefault("metadata", {})
    _pod_spec(template.setdefault("spec", {}))


def _daemon_set(document: Document) -> None:
    _workload(document)
    document["metadata"].setdefault("annotations", {}).setdefault(TEMPLATE_GENERATION, "1")


def _pod_spec(spec: Document) -> None:
    _default(spec, POD_SPEC)
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        _default(container, CONTAINER | {"imagePullPolicy": _pull_policy(container.get("image", ""))})
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in {"", "latest"} and "@" not in image else "IfNotPresent"


def _namespace(document: Document) -> None:
    name = document["metadata"].get("name")
    if name:
        document["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _secret(document: Document) -> None:
    plain = document.pop("stringData", None) or {}
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    if coded:
        document["data"] = document.get("data", {}) | coded
    document.setdefault("type", "Opaque")


def _webhooks(document: Document) -> None:
    for webhook in document.get("webhooks", []):
        _default(webhook, WEBHOOK)
        for rule in webhook.get("rules", []):
            rule.setdefault("scope", "*")


def _definition(document: Document) -> None:
    names = document["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    document["spec"].setdefault("conversion", {"strategy": "None"})


def begun(document: Document) -> Document:
    """Return a new object of a built-in kind with its first status; only a Node may bring its own."""
    if document["kind"] == "Node":
        spec = document.get("spec", {})
        return document | {"spec": spec | {"taints": [*spec.get("taints", []), NOT_READY]}}
    rest = {key: value for key, value in document.items() if key != "status"}
    if document["kind"] == "CustomResourceDefinition":
        return rest | {"status": _established(document)}
    status = STATUS.get(document["kind"])
    return rest if status is None else rest | {"status": copy.deepcopy(status)}


def _established(crd: Document) -> Document:
    at = second()
    reasons = (("NamesAccepted", "NoConflicts", "no conflicts found"), ("Established", "InitialNamesAccepted", ""))
    condition: list[dict[str, Any]] = [
        {"type": kind, "status": "True", "lastTransitionTime": at, "reason": reason}
        | {"message": message or "the initial names have been accepted"}
        for kind, reason, message in reasons
    ]
    stored = [version["name"] for version in crd["spec"]["versions"] if version["storage"]]
    return {"conditions": condition, "acceptedNames": crd["spec"]["names"], "storedVersions": stored}


FILLED: dict[str, Callable[[Document], None]] = {
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _daemon_set,
    "Pod": lambda document: _pod_spec(document.setdefault("spec", {})),
    "Namespace": _namespace,
    "Secret": _secret,
    "ValidatingWebhookConfiguration": _webhooks,
    "CustomResourceDefinition": _definition,
}
