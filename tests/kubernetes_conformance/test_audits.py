import time
from collections.abc import Callable
from queue import Empty
from typing import Any

import pytest
from kubernetes.client import ApiClient, AppsV1Api

from tests.kubernetes_conformance.answers import refused
from tests.kubernetes_conformance.conftest import Cluster
from tests.kubernetes_conformance.manifests import image_patch, workload
from tests.kubernetes_conformance.shapes import recorded, shape

SECONDS = 15.0


def audited(cluster: Cluster, namespace: str, count: int) -> list[dict[str, Any]]:
    """The first events about the namespace, in order; asserts what every batch is."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < count and time.monotonic() < deadline:
        try:
            delivery = cluster.audited.next(0.2)
        except Empty:
            continue
        assert delivery.path == "/audit/here?timeout=30s"
        assert {**delivery.body, "items": []} == {**recorded("audit/delete-and-conflict"), "items": []}
        found += [event for event in delivery.body["items"] if event["objectRef"].get("namespace") == namespace]
    return found


def envelope(event: dict[str, Any]) -> Any:
    """The event's shape without the objects in it."""
    return {key: shape(value) for key, value in event.items() if key not in {"requestObject", "responseObject"}}


def recorded_event(verb: str, subresource: str = "") -> dict[str, Any]:
    both = [*recorded("audit/create-image-scale-env")["items"], *recorded("audit/delete-and-conflict")["items"]]
    found: dict[str, Any] = next(
        event for event in both if (event["verb"], event["objectRef"].get("subresource", "")) == (verb, subresource)
    )
    return found


def scale(apps: AppsV1Api, namespace: str) -> None:
    apps.patch_namespaced_deployment_scale("till", namespace, {"spec": {"replicas": 5}})


def patch(apps: AppsV1Api, namespace: str) -> None:
    apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"))


def delete(apps: AppsV1Api, namespace: str) -> None:
    apps.delete_namespaced_deployment("till", namespace, propagation_policy="Background")


def update_from_the_past(apps: AppsV1Api, namespace: str) -> None:
    read: Any = apps.read_namespaced_deployment("till", namespace)
    read.metadata.resource_version = "1"
    assert refused(apps.replace_namespaced_deployment, "till", namespace, read) == (409, "Conflict")


@pytest.mark.parametrize(
    ("act", "written"),
    [
        pytest.param(patch, ("patch", ""), id="patch"),
        pytest.param(scale, ("patch", "scale"), id="scale"),
        pytest.param(delete, ("delete", ""), id="delete"),
        pytest.param(update_from_the_past, ("update", ""), id="conflict"),
    ],
)
def test_an_event_has_the_keys_that_were_recorded(
    cluster: Cluster, apps: AppsV1Api, namespace: str, act: Callable[..., None], written: tuple[str, str]
) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    act(apps, namespace)
    _, event = audited(cluster, namespace, 2)
    wanted = recorded_event(*written)
    assert envelope(event) == envelope(wanted)
    assert [event[key] for key in ("level", "stage", "verb", "user", "sourceIPs", "annotations")] == [
        wanted[key] for key in ("level", "stage", "verb", "user", "sourceIPs", "annotations")
    ]
    assert event["responseStatus"]["code"] == wanted["responseStatus"]["code"]


def test_a_creation_is_told_with_what_was_sent_and_what_was_made(
    cluster: Cluster, apps: AppsV1Api, namespace: str
) -> None:
    made: Any = apps.create_namespaced_deployment(namespace, workload(), field_manager="ours")
    [event] = audited(cluster, namespace, 1)
    assert envelope(event) == envelope(recorded_event("create"))
    assert event["requestURI"] == f"/apis/apps/v1/namespaces/{namespace}/deployments?fieldManager=ours"
    assert event["requestObject"]["metadata"] == {"name": "till"}
    assert event["requestObject"]["spec"] == event["responseObject"]["spec"]
    assert event["responseObject"]["metadata"]["resourceVersion"] == made.metadata.resource_version


def test_a_patch_is_told_as_it_was_sent(cluster: Cluster, apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    now: Any = apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"), dry_run="All")
    _, event = audited(cluster, namespace, 2)
    assert event["requestObject"] == image_patch("till:2.0")
    assert event["responseObject"]["metadata"]["generation"] == now.metadata.generation
    assert event["requestURI"].endswith("/deployments/till?dryRun=All")


def test_a_deletion_is_told_with_a_status(cluster: Cluster, apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    delete(apps, namespace)
    _, event = audited(cluster, namespace, 2)
    wanted = recorded_event("delete")
    assert shape(event["responseObject"]) == shape(wanted["responseObject"])
    assert event["responseStatus"] == wanted["responseStatus"] | {
        "details": wanted["responseStatus"]["details"]
        | {"name": "till", "uid": event["responseObject"]["details"]["uid"]}
    }


def test_a_generated_name_is_absent_from_the_reference(cluster: Cluster, apps: AppsV1Api, namespace: str) -> None:
    body = workload()
    body["metadata"] = {"generateName": "till-"}
    made: Any = apps.create_namespaced_deployment(namespace, body)
    [event] = audited(cluster, namespace, 1)
    assert "name" not in event["objectRef"]
    assert event["responseObject"]["metadata"]["name"] == made.metadata.name


def test_a_write_by_someone_else_names_them_as_impersonated(
    cluster: Cluster, admin: ApiClient, apps: AppsV1Api, namespace: str
) -> None:
    user = f"system:serviceaccount:{namespace}:chaos"
    cluster.grant(admin, user)
    apps.create_namespaced_deployment(namespace, workload(), _headers={"Impersonate-User": user})
    [event] = audited(cluster, namespace, 1)
    assert ("admin", user) == (event["user"]["username"], event["impersonatedUser"]["username"])
