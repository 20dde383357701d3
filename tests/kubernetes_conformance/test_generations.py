from typing import Any

import pytest
from kubernetes.client import AdmissionregistrationV1Api, AppsV1Api, CoreV1Api, CustomObjectsApi

from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, image_patch, workload
from tests.real.connections import Manifest

MERGE = "application/merge-patch+json"
NOTE = {"metadata": {"annotations": {"note": "hello"}}}
LABEL = {"metadata": {"labels": {"tier": "front"}}}
RESTART = {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}}
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
@pytest.mark.parametrize(
    ("patch", "moves"),
    [
        pytest.param(image_patch("till:2.0"), {"Deployment", "StatefulSet", "DaemonSet"}, id="image"),
        pytest.param(RESTART, {"Deployment", "StatefulSet", "DaemonSet"}, id="restart"),
        pytest.param(NOTE, {"Deployment"}, id="annotation"),
        pytest.param(LABEL, set(), id="label"),
        pytest.param(image_patch("till:1.0"), set(), id="nothing-new"),
        pytest.param({"status": {"observedGeneration": 7}}, set(), id="status-by-the-main-path"),
    ],
)
def test_a_patch_moves_the_generation(
    apps: AppsV1Api, namespace: str, kind: str, patch: dict[str, Any], moves: set[str]
) -> None:
    name = kind.replace("Set", "_set").lower()
    made = getattr(apps, f"create_namespaced_{name}")(namespace, workload(kind))
    now = getattr(apps, f"patch_namespaced_{name}")("till", namespace, patch)
    assert (1, 1 + (kind in moves)) == (made.metadata.generation, now.metadata.generation)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_status_update_moves_no_generation_and_changes_no_spec(apps: AppsV1Api, namespace: str, kind: str) -> None:
    name = kind.replace("Set", "_set").lower()
    made = getattr(apps, f"create_namespaced_{name}")(namespace, workload(kind))
    patch = {"status": {"observedGeneration": 1}} | image_patch("till:2.0")
    now = getattr(apps, f"patch_namespaced_{name}_status")("till", namespace, patch)
    assert (1, 1) == (now.metadata.generation, now.status.observed_generation)
    assert made.spec.to_dict() == now.spec.to_dict()
    assert made.metadata.resource_version != now.metadata.resource_version


def test_a_status_update_may_annotate_a_deployment_and_moves_no_generation(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    now: Any = apps.patch_namespaced_deployment_status("till", namespace, NOTE)
    assert (1, {"note": "hello"}) == (now.metadata.generation, now.metadata.annotations)


def test_an_update_that_changes_nothing_keeps_the_resource_version(apps: AppsV1Api, namespace: str) -> None:
    made: Any = apps.create_namespaced_deployment(namespace, workload())
    same: Any = apps.replace_namespaced_deployment("till", namespace, workload())
    patched: Any = apps.patch_namespaced_deployment("till", namespace, image_patch("till:1.0"))
    versions = {one.metadata.resource_version for one in (made, same, patched)}
    assert versions == {made.metadata.resource_version}


def test_an_update_cannot_set_the_generation_uid_or_time(apps: AppsV1Api, namespace: str) -> None:
    made: Any = apps.create_namespaced_deployment(namespace, workload())
    patch = {"metadata": {"generation": 40, "creationTimestamp": "2001-01-01T00:00:00Z"}}
    now: Any = apps.patch_namespaced_deployment("till", namespace, patch)
    assert now.metadata.to_dict() == made.metadata.to_dict()


def test_a_daemon_set_counts_the_changes_of_its_template(apps: AppsV1Api, namespace: str) -> None:
    made: Any = apps.create_namespaced_daemon_set(namespace, workload("DaemonSet"))
    now: Any = apps.patch_namespaced_daemon_set("till", namespace, image_patch("till:2.0"))
    counts = [one.metadata.annotations[TEMPLATE_GENERATION] for one in (made, now)]
    assert counts == ["1", "2"]


def test_config_maps_and_secrets_have_no_generation(core: CoreV1Api, namespace: str) -> None:
    secret: Manifest = {"metadata": {"name": "key"}}
    core.create_namespaced_config_map(namespace, config_map())
    patched: Any = core.patch_namespaced_config_map("settings", namespace, {"data": {"mode": "b"}})
    made: Any = core.create_namespaced_secret(namespace, secret)
    assert (None, None) == (patched.metadata.generation, made.metadata.generation)


@pytest.mark.parametrize(
    ("kind", "patch", "generation"),
    [
        pytest.param("Bare", {"spec": {"size": 2}}, 2, id="spec"),
        pytest.param("Bare", {"status": {"phase": "Running"}}, 2, id="status-in-the-object"),
        pytest.param("Bare", {"extra": 1}, 2, id="another-member"),
        pytest.param("Bare", NOTE, 1, id="annotation"),
        pytest.param("Split", {"spec": {"size": 2}}, 2, id="spec-beside-a-status-subresource"),
        pytest.param("Split", {"status": {"phase": "Running"}}, 1, id="status-beside-a-status-subresource"),
    ],
)
def test_a_custom_object_counts_everything_but_metadata(
    objects: CustomObjectsApi, namespace: str, kind: str, patch: dict[str, Any], generation: int
) -> None:
    where = (GROUP, "v1", namespace, f"{kind.lower()}s")
    objects.create_namespaced_custom_object(*where, custom(kind))
    now: Any = objects.patch_namespaced_custom_object(*where, "one", patch, _content_type=MERGE)
    assert now["metadata"]["generation"] == generation
    assert now.get("status") == (patch.get("status") if kind == "Bare" else None)


def test_a_status_subresource_of_a_custom_object_takes_the_status_alone(
    objects: CustomObjectsApi, namespace: str
) -> None:
    where = (GROUP, "v1", namespace, "splits")
    objects.create_namespaced_custom_object(*where, custom("Split", status={"phase": "lost"}))
    patch = {"spec": {"size": 9}, "status": {"phase": "Running"}, **NOTE}
    now: Any = objects.patch_namespaced_custom_object_status(*where, "one", patch, _content_type=MERGE)
    assert (1, {"size": 1}, {"phase": "Running"}) == (now["metadata"]["generation"], now["spec"], now["status"])
    assert "annotations" not in now["metadata"]


def test_a_webhook_configuration_counts_its_webhooks(registrations: AdmissionregistrationV1Api, namespace: str) -> None:
    body: Manifest = {"metadata": {"name": namespace}, "webhooks": []}
    made: Any = registrations.create_validating_webhook_configuration(body)
    now: Any = registrations.patch_validating_webhook_configuration(namespace, NOTE)
    registrations.delete_validating_webhook_configuration(namespace)
    assert (1, 1) == (made.metadata.generation, now.metadata.generation)
