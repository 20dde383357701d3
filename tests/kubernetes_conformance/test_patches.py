from typing import Any

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api, CustomObjectsApi

from tests.kubernetes_conformance.answers import refused
from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, image_patch, workload

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
CONTAINERS = "/spec/template/spec/containers"
Container = tuple[str, str, list[tuple[str, str]]]


def containers(deployment: Any) -> list[Container]:
    """Name, image and environment of each container."""
    found = deployment.spec.template.spec.containers
    return [(one.name, one.image, [(env.name, env.value) for env in one.env or []]) for one in found]


TILL: Container = ("till", "till:1.0", [("MODE", "a")])
SIDE: Container = ("side", "side:1.0", [])


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param({"name": "till", "image": "till:2.0"}, [("till", "till:2.0", [("MODE", "a")]), SIDE], id="image"),
        pytest.param(
            {"name": "till", "env": [{"name": "MODE", "value": "b"}]},
            [("till", "till:1.0", [("MODE", "b")]), SIDE],
            id="env-by-name",
        ),
        pytest.param(
            {"name": "side", "env": [{"name": "SIZE", "value": "1"}]},
            [TILL, ("side", "side:1.0", [("SIZE", "1")])],
            id="first-env",
        ),
        pytest.param({"name": "side", "$patch": "delete"}, [TILL], id="delete-directive"),
        pytest.param(
            {"name": "till", "env": [{"$patch": "replace"}, {"name": "SIZE", "value": "1"}]},
            [("till", "till:1.0", [("SIZE", "1")]), SIDE],
            id="replace-directive",
        ),
    ],
)
def test_a_strategic_patch_merges_containers_by_name(
    apps: AppsV1Api, namespace: str, item: dict[str, Any], expected: list[Any]
) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    patch = {"spec": {"template": {"spec": {"containers": [item]}}}}
    now: Any = apps.patch_namespaced_deployment("till", namespace, patch, _content_type=STRATEGIC)
    assert containers(now) == expected


def test_a_strategic_patch_adds_a_container(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "new", "image": "new:1.0"}]}}}}
    now: Any = apps.patch_namespaced_deployment("till", namespace, patch, _content_type=STRATEGIC)
    assert {("new", "new:1.0"), ("till", "till:1.0"), ("side", "side:1.0")} == {one[:2] for one in containers(now)}


def test_a_merge_patch_replaces_the_list_of_containers(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    now: Any = apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"), _content_type=MERGE)
    assert containers(now) == [("till", "till:2.0", [])]


@pytest.mark.parametrize("media_type", [MERGE, STRATEGIC])
def test_null_takes_a_key_away(core: CoreV1Api, namespace: str, media_type: str) -> None:
    core.create_namespaced_config_map(namespace, config_map(data={"mode": "a", "size": "1"}, annotations={"note": "x"}))
    patch = {"data": {"size": None, "new": "2"}, "metadata": {"annotations": {"note": None}}}
    now: Any = core.patch_namespaced_config_map("settings", namespace, patch, _content_type=media_type)
    assert ({"mode": "a", "new": "2"}, None) == (now.data, now.metadata.annotations)


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param(
            [{"op": "replace", "path": f"{CONTAINERS}/0/image", "value": "till:2.0"}], "till:2.0", id="replace"
        ),
        pytest.param(
            [
                {"op": "test", "path": f"{CONTAINERS}/0/image", "value": "till:1.0"},
                {"op": "copy", "from": f"{CONTAINERS}/1/image", "path": f"{CONTAINERS}/0/image"},
            ],
            "side:1.0",
            id="test-and-copy",
        ),
        pytest.param(
            [
                {"op": "remove", "path": f"{CONTAINERS}/0"},
                {"op": "add", "path": f"{CONTAINERS}/-", "value": {"name": "new", "image": "new:1.0"}},
            ],
            "side:1.0",
            id="remove-and-add",
        ),
    ],
)
def test_a_json_patch_does_its_operations_in_order(
    apps: AppsV1Api, namespace: str, operations: list[dict[str, Any]], expected: str
) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    now: Any = apps.patch_namespaced_deployment("till", namespace, operations)
    assert containers(now)[0][1] == expected


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "test", "path": "/data/mode", "value": "b"}, id="failed-test"),
        pytest.param({"op": "remove", "path": "/data/absent"}, id="absent"),
    ],
)
def test_a_json_patch_that_does_not_fit_is_invalid(core: CoreV1Api, namespace: str, operation: dict[str, Any]) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    answer = refused(core.patch_namespaced_config_map, "settings", namespace, [operation])
    assert answer == (422, "Invalid")


def test_a_json_patch_reaches_keys_with_slashes(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map(annotations={"a": "b"}))
    operation = {"op": "add", "path": "/metadata/annotations/litmuschaos.io~1gitops", "value": "true"}
    now: Any = core.patch_namespaced_config_map("settings", namespace, [operation])
    assert now.metadata.annotations == {"a": "b", "litmuschaos.io/gitops": "true"}


def test_a_custom_object_takes_merge_patches_and_no_strategic_ones(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares", "one")
    objects.create_namespaced_custom_object(*where[:4], custom("Bare", spec={"size": 1, "parts": [{"name": "a"}]}))
    patch = {"spec": {"parts": [{"name": "b"}]}}
    answer = refused(objects.patch_namespaced_custom_object, *where, patch, _content_type=STRATEGIC)
    now: Any = objects.patch_namespaced_custom_object(*where, patch, _content_type=MERGE)
    assert (415, "UnsupportedMediaType") == answer
    assert now["spec"] == {"size": 1, "parts": [{"name": "b"}]}


def test_a_patch_cannot_rename(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    answer = refused(core.patch_namespaced_config_map, "settings", namespace, {"metadata": {"name": "other"}})
    assert answer == (400, "BadRequest")
