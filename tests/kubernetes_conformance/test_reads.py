from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, AppsV1Api, CoreV1Api, CustomObjectsApi
from kubernetes.watch import Watch

from tests.kubernetes_conformance.answers import raw, refused
from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, image_patch, workload
from tests.real.connections import events

LABELLED = {
    "a": {"app": "till", "tier": "front"},
    "b": {"app": "till", "tier": "back"},
    "c": {"app": "desk"},
    "d": {},
}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("app=till", "ab", id="equal"),
        pytest.param("app==till,tier=back", "b", id="and"),
        pytest.param("app!=till", "cd", id="not-equal"),
        pytest.param("app in (till, desk)", "abc", id="in"),
        pytest.param("tier notin (front),app", "bc", id="not-in-and-exists"),
        pytest.param("!tier", "cd", id="absent"),
        pytest.param("tier in (front,back),app=till", "ab", id="comma-inside-a-set"),
        pytest.param("", "abcd", id="none"),
    ],
)
def test_labels_select(core: CoreV1Api, namespace: str, selector: str, expected: str) -> None:
    for name, labels in LABELLED.items():
        core.create_namespaced_config_map(namespace, config_map(name, labels=labels))
    found: Any = core.list_namespaced_config_map(namespace, label_selector=selector)
    assert list(expected) == [one.metadata.name for one in found.items]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("metadata.name=b", ["b"], id="equal"),
        pytest.param("metadata.name!=b", ["a"], id="not-equal"),
    ],
)
def test_names_select(core: CoreV1Api, namespace: str, selector: str, expected: list[str]) -> None:
    for name in ("a", "b"):
        core.create_namespaced_config_map(namespace, config_map(name))
    found: Any = core.list_namespaced_config_map(namespace, field_selector=selector)
    assert expected == [one.metadata.name for one in found.items]


def test_other_fields_of_a_custom_object_do_not_select(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares")
    answer = refused(objects.list_namespaced_custom_object, *where, field_selector="spec.size=1")
    assert answer == (400, "BadRequest")


def test_a_selector_that_cannot_be_read_is_a_bad_request(core: CoreV1Api, namespace: str) -> None:
    answer = refused(core.list_namespaced_config_map, namespace, label_selector="app in till")
    assert answer == (400, "BadRequest")


def test_a_list_over_all_namespaces_names_the_namespace(objects: CustomObjectsApi, namespace: str) -> None:
    objects.create_namespaced_custom_object(GROUP, "v1", namespace, "bares", custom("Bare", name=namespace))
    found: Any = objects.list_cluster_custom_object(GROUP, "v1", "bares", field_selector=f"metadata.name={namespace}")
    assert [namespace] == [one["metadata"]["namespace"] for one in found["items"]]


def test_items_of_a_list_name_their_kind_only_in_custom_resources(
    admin: ApiClient, apps: AppsV1Api, objects: CustomObjectsApi, namespace: str
) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    objects.create_namespaced_custom_object(GROUP, "v1", namespace, "bares", custom("Bare"))
    [built_in] = raw(admin, "GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    [own] = raw(admin, "GET", f"/apis/{GROUP}/v1/namespaces/{namespace}/bares")["items"]
    assert [set(), {"kind", "apiVersion"}] == [one.keys() & {"kind", "apiVersion"} for one in (built_in, own)]


def page(core: CoreV1Api, namespace: str, token: str | None = None) -> dict[str, Any]:
    found: Any = core.list_namespaced_config_map(namespace, limit=2, _continue=token)
    written: dict[str, Any] = core.api_client.sanitize_for_serialization(found)
    return written


def names(listed: dict[str, Any]) -> list[str]:
    return [one["metadata"]["name"] for one in listed["items"]]


def test_a_list_comes_in_pages(core: CoreV1Api, namespace: str) -> None:
    for name in ("a", "b", "c"):
        core.create_namespaced_config_map(namespace, config_map(name))
    first = page(core, namespace)
    second = page(core, namespace, first["metadata"]["continue"])
    assert (["a", "b"], 1) == (names(first), first["metadata"]["remainingItemCount"])
    assert (["c"], None) == (names(second), second["metadata"].get("continue"))


def told(found: Iterator[dict[str, Any]], count: int) -> list[tuple[str, str]]:
    """Type and name of the first events."""
    return [(event["type"], event["raw_object"]["metadata"]["name"]) for event in islice(found, count)]


def test_a_watch_tells_each_write_after_its_resource_version(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("before"))
    listed: Any = core.list_namespaced_config_map(namespace)
    core.create_namespaced_config_map(namespace, config_map("a"))
    core.patch_namespaced_config_map("a", namespace, {"data": {"mode": "b"}})
    core.patch_namespaced_config_map("a", namespace, {"data": {"mode": "b"}})
    core.delete_namespaced_config_map("a", namespace)
    since = listed.metadata.resource_version
    found = list(events(core.list_namespaced_config_map, namespace, since=since, seconds=1))
    assert [event["type"] for event in found] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event["object"].metadata.resource_version) for event in found]
    assert (versions, {"b"}) == (sorted(versions), {event["object"].data["mode"] for event in found[1:]})


def test_a_watch_tells_writes_that_come_while_it_is_open(core: CoreV1Api, namespace: str) -> None:
    listed: Any = core.list_namespaced_config_map(namespace)
    found = events(core.list_namespaced_config_map, namespace, since=listed.metadata.resource_version)
    core.create_namespaced_config_map(namespace, config_map("a"))
    assert told(found, 1) == [("ADDED", "a")]
    core.create_namespaced_config_map(namespace, config_map("b"))
    assert told(found, 1) == [("ADDED", "b")]


def test_a_watch_without_a_version_begins_with_what_is_there(core: CoreV1Api, namespace: str) -> None:
    for name in ("a", "b"):
        core.create_namespaced_config_map(namespace, config_map(name))
    watch: Any = Watch()  # type: ignore[no-untyped-call]
    found = watch.stream(core.list_namespaced_config_map, namespace, timeout_seconds=10)
    assert sorted(told(found, 2)) == [("ADDED", "a"), ("ADDED", "b")]


def test_a_watch_with_a_selector_sees_objects_enter_and_leave(core: CoreV1Api, namespace: str) -> None:
    listed: Any = core.list_namespaced_config_map(namespace)
    core.create_namespaced_config_map(namespace, config_map("a"))
    for value in ("till", None):
        core.patch_namespaced_config_map("a", namespace, {"metadata": {"labels": {"app": value}}})
    watch: Any = Watch()  # type: ignore[no-untyped-call]
    since = listed.metadata.resource_version
    more = {"resource_version": since, "label_selector": "app=till", "timeout_seconds": 10}
    assert told(watch.stream(core.list_namespaced_config_map, namespace, **more), 2) == [
        ("ADDED", "a"),
        ("DELETED", "a"),
    ]


def test_a_watch_of_one_name_tells_of_no_other(apps: AppsV1Api, namespace: str) -> None:
    listed: Any = apps.list_namespaced_deployment(namespace)
    for name in ("other", "till"):
        apps.create_namespaced_deployment(namespace, workload(name=name))
    apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"))
    watch: Any = Watch()  # type: ignore[no-untyped-call]
    since = listed.metadata.resource_version
    more = {"resource_version": since, "field_selector": "metadata.name=till", "timeout_seconds": 10}
    found = told(watch.stream(apps.list_namespaced_deployment, namespace, **more), 2)
    assert found == [("ADDED", "till"), ("MODIFIED", "till")]


def test_a_watch_of_a_custom_resource_tells_its_writes(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares")
    listed: Any = objects.list_namespaced_custom_object(*where)
    objects.create_namespaced_custom_object(*where, custom("Bare"))
    since = listed["metadata"]["resourceVersion"]
    assert told(events(objects.list_namespaced_custom_object, *where, since=since), 1) == [("ADDED", "one")]


def test_a_watch_ends_when_its_time_is_over(core: CoreV1Api, namespace: str) -> None:
    listed: Any = core.list_namespaced_config_map(namespace)
    since = listed.metadata.resource_version
    assert list(events(core.list_namespaced_config_map, namespace, since=since, seconds=1)) == []


def test_a_watch_from_a_forgotten_version_is_gone(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares")
    objects.create_namespaced_custom_object(*where, custom("Bare"))
    with pytest.raises(ApiException) as caught:
        list(events(objects.list_namespaced_custom_object, *where, since="1", seconds=5))
    assert (410, True) == (
        caught.value.status,
        str(caught.value.reason).startswith("Expired: too old resource version"),
    )
