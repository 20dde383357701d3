"""Admission reviews as large as a cluster's, one update of a Deployment each."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final

from infra.bench.load import Maker, request

IMAGE: Final = "registry.example/shop/cart:1.{}"
REVISION: Final = "deployment.kubernetes.io/revision"
WATCHED: Final = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "cart-pod-delete"}
HERE: Final = "NUMBER"
"""Stands in a template where each review has a number of its own."""


def reviews(path: str, *, watched: bool) -> Maker:
    """Return reviews of a new image, each of another Deployment; only a `watched` one's change can matter."""
    template = json.dumps(_review(watched=watched)).encode()
    mark, headers = HERE.encode(), {"Content-Type": "application/json"}
    return lambda number: request(path, headers, template.replace(mark, b"%06d" % number))


def _review(*, watched: bool) -> dict[str, Any]:
    old = _deployment(watched=watched)
    new = deepcopy(old)
    new["metadata"]["generation"] = 8
    new["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE.format(1)
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    resource = {"group": "apps", "version": "v1", "resource": "deployments"}
    request_ = {
        "uid": f"705ab4f5-6393-11e8-b7cc-42010a{HERE}",
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": old["metadata"]["name"],
        "namespace": "shop",
        "operation": "UPDATE",
        "userInfo": {"username": "system:serviceaccount:cd:deployer", "groups": ["system:authenticated"]},
        "object": new,
        "oldObject": old,
        "dryRun": False,
        "options": {"kind": "PatchOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "deployer"},
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request_}


def _deployment(*, watched: bool) -> dict[str, Any]:
    name = f"cart-{HERE}"
    labels = {"app": name, "app.kubernetes.io/part-of": "shop"}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"8d3b1c0e-91a2-4f0b-9a55-2f6c1e{HERE}",
            "resourceVersion": "81234",
            "generation": 7,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": labels,
            "annotations": {REVISION: "7"} | (WATCHED if watched else {}),
            "managedFields": [_managed(manager) for manager in ("deployer", "kube-controller-manager")],
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [_container(IMAGE.format(0)), _container("registry.example/shop/proxy:3")]},
            },
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
        "status": {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3},
    }


def _container(image: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10}
    return {
        "name": image.rpartition("/")[2].partition(":")[0],
        "image": image,
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{number}", "value": f"value-{number}"} for number in range(12)],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "imagePullPolicy": "IfNotPresent",
    }


def _managed(manager: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        f'k:{{"name":"SETTING_{number}"}}': {".": {}, "f:name": {}, "f:value": {}} for number in range(12)
    }
    container = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"cart"}': {"f:env": fields}}}}}}
    return {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": container}
