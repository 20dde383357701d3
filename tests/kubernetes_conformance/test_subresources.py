from typing import Any

import pytest
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api

from tests.kubernetes_conformance.answers import raw, refused
from tests.kubernetes_conformance.manifests import workload
from tests.real.connections import Manifest


def scale_path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/till/scale"


def test_a_scale_has_replicas_and_selector_and_no_annotations(
    admin: ApiClient, apps: AppsV1Api, namespace: str
) -> None:
    made: Any = apps.create_namespaced_deployment(namespace, workload(annotations={"note": "x"}, labels={"app": "y"}))
    scale = raw(admin, "GET", scale_path(namespace))
    meta = scale.pop("metadata")
    assert scale == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "spec": {"replicas": 2},
        "status": {"replicas": 0, "selector": "app=till"},
    }
    assert set(meta) == {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    assert (made.metadata.uid, made.metadata.resource_version) == (meta["uid"], meta["resourceVersion"])


def test_a_scale_writes_its_selector_as_text(admin: ApiClient, apps: AppsV1Api, namespace: str) -> None:
    body = workload()
    expressions = [
        {"key": "tier", "operator": "In", "values": ["front", "back"]},
        {"key": "zone", "operator": "DoesNotExist"},
        {"key": "name", "operator": "Exists"},
        {"key": "size", "operator": "In", "values": ["1"]},
        {"key": "old", "operator": "NotIn", "values": ["yes"]},
    ]
    body["spec"]["selector"]["matchExpressions"] = expressions
    body["spec"]["template"]["metadata"]["labels"] = {"app": "till", "tier": "front", "name": "x", "size": "1"}
    apps.create_namespaced_deployment(namespace, body)
    selector = raw(admin, "GET", scale_path(namespace))["status"]["selector"]
    assert selector == "app=till,name,old notin (yes),size in (1),tier in (back,front),!zone"


def test_a_scale_to_zero_says_nothing_of_replicas(admin: ApiClient, apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    apps.patch_namespaced_deployment_scale("till", namespace, {"spec": {"replicas": 0}})
    now: Any = apps.read_namespaced_deployment("till", namespace)
    assert ({}, 0) == (raw(admin, "GET", scale_path(namespace))["spec"], now.spec.replicas)


def test_a_patched_scale_changes_the_replicas_and_moves_the_generation(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    scale: Any = apps.patch_namespaced_deployment_scale("till", namespace, {"spec": {"replicas": 5}})
    now: Any = apps.read_namespaced_deployment("till", namespace)
    assert (5, 5, 2) == (scale.spec.replicas, now.spec.replicas, now.metadata.generation)
    assert scale.metadata.resource_version == now.metadata.resource_version


def test_a_replaced_scale_from_an_older_version_is_a_conflict(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_stateful_set(namespace, workload("StatefulSet"))
    scale: Any = apps.read_namespaced_stateful_set_scale("till", namespace)
    scale.spec.replicas = 3
    apps.replace_namespaced_stateful_set_scale("till", namespace, scale)
    scale.spec.replicas = 4
    assert refused(apps.replace_namespaced_stateful_set_scale, "till", namespace, scale) == (409, "Conflict")


def test_a_daemon_set_has_no_scale(admin: ApiClient, apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_daemon_set(namespace, workload("DaemonSet"))
    path = f"/apis/apps/v1/namespaces/{namespace}/daemonsets/till/scale"
    assert refused(raw, admin, "GET", path) == (404, "NotFound")


DAEMONS = {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        pytest.param("deployment", {}, id="deployment"),
        pytest.param("stateful_set", {"replicas": 0}, id="stateful-set"),
        pytest.param("daemon_set", DAEMONS, id="daemon-set"),
    ],
)
def test_a_status_is_written_by_its_own_path_alone(
    apps: AppsV1Api, namespace: str, name: str, counts: dict[str, Any]
) -> None:
    body = workload(name.title().replace("_", ""))
    status = {"status": {"observedGeneration": 9, **counts}}
    made = getattr(apps, f"create_namespaced_{name}")(namespace, body | status)
    told = getattr(apps, f"patch_namespaced_{name}_status")("till", namespace, {"status": {"observedGeneration": 1}})
    read = getattr(apps, f"read_namespaced_{name}")("till", namespace)
    assert [None, 1, 1] == [one.status.observed_generation for one in (made, told, read)]


def test_a_node_keeps_the_status_it_comes_with_and_is_tainted_until_it_is_ready(
    core: CoreV1Api, namespace: str
) -> None:
    condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
    body: Manifest = {"metadata": {"name": namespace}, "status": {"conditions": [condition]}}
    core.create_node(body)
    read: Any = core.read_node(namespace)
    core.delete_node(namespace)
    taints = [(taint.key, taint.effect) for taint in read.spec.taints]
    assert ("True", [("node.kubernetes.io/not-ready", "NoSchedule")]) == (read.status.conditions[0].status, taints)


def test_a_namespace_is_active_and_labelled_with_its_name(core: CoreV1Api, namespace: str) -> None:
    read: Any = core.read_namespace(namespace)
    assert ("Active", {"kubernetes.io/metadata.name": namespace}) == (read.status.phase, read.metadata.labels)
