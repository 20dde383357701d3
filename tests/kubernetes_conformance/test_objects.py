import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api, CustomObjectsApi, VersionApi
from kubernetes.client.exceptions import NotFoundException

from infra.demo.kubernetes_api.definitions import install
from tests.kubernetes_conformance.answers import raw, refused
from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, definition, image_patch, workload
from tests.real.connections import Manifest, connected


def test_a_new_object_gets_uid_time_and_resource_version(core: CoreV1Api, namespace: str) -> None:
    made: Any = core.create_namespaced_config_map(namespace, config_map())
    read: Any = core.read_namespaced_config_map("settings", namespace)
    assert made.to_dict() == read.to_dict()
    assert all([made.metadata.uid, made.metadata.creation_timestamp, int(made.metadata.resource_version)])


def test_each_write_has_a_greater_resource_version(core: CoreV1Api, namespace: str) -> None:
    first: Any = core.create_namespaced_config_map(namespace, config_map("a"))
    second: Any = core.create_namespaced_config_map(namespace, config_map("b"))
    third: Any = core.patch_namespaced_config_map("a", namespace, {"data": {"mode": "b"}})
    listed: Any = core.list_namespaced_config_map(namespace)
    versions = [int(one.metadata.resource_version) for one in (first, second, third, listed)]
    assert versions == sorted(versions)
    assert len(set(versions[:3])) == 3


def test_a_generated_name_begins_with_its_prefix(core: CoreV1Api, namespace: str) -> None:
    body: Manifest = {"metadata": {"generateName": "run-"}}
    made: Any = [core.create_namespaced_config_map(namespace, body) for _ in range(2)]
    names = {one.metadata.name for one in made}
    assert (2, {True}) == (len(names), {name.startswith("run-") and len(name) == 9 for name in names})
    assert made[0].metadata.generate_name == "run-"


def test_a_taken_name_already_exists(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    assert refused(core.create_namespaced_config_map, namespace, config_map()) == (409, "AlreadyExists")


def test_nothing_is_created_in_a_namespace_that_is_not_there(core: CoreV1Api) -> None:
    assert refused(core.create_namespaced_config_map, "nowhere", config_map()) == (404, "NotFound")


def test_an_object_without_a_name_is_invalid(core: CoreV1Api, namespace: str) -> None:
    body: Manifest = {"metadata": {}}
    assert refused(core.create_namespaced_config_map, namespace, body) == (422, "Invalid")


@pytest.mark.parametrize("verb", ["read", "delete", "patch", "replace"])
def test_what_is_not_there_is_not_found(core: CoreV1Api, namespace: str, verb: str) -> None:
    body = [config_map()] if verb in {"patch", "replace"} else []
    call = getattr(core, f"{verb}_namespaced_config_map")
    assert refused(call, "settings", namespace, *body) == (404, "NotFound")


def test_an_update_from_an_older_version_is_a_conflict(core: CoreV1Api, namespace: str) -> None:
    read: Any = core.create_namespaced_config_map(namespace, config_map())
    core.patch_namespaced_config_map("settings", namespace, {"data": {"mode": "b"}})
    read.data = {"mode": "c"}
    assert refused(core.replace_namespaced_config_map, "settings", namespace, read) == (409, "Conflict")


def test_a_patch_that_names_an_older_version_is_a_conflict(core: CoreV1Api, namespace: str) -> None:
    read: Any = core.create_namespaced_config_map(namespace, config_map())
    core.patch_namespaced_config_map("settings", namespace, {"data": {"mode": "b"}})
    patch = {"metadata": {"resourceVersion": read.metadata.resource_version}, "data": {"mode": "c"}}
    assert refused(core.patch_namespaced_config_map, "settings", namespace, patch) == (409, "Conflict")


def test_an_update_of_the_version_that_was_read_replaces_everything(core: CoreV1Api, namespace: str) -> None:
    read: Any = core.create_namespaced_config_map(namespace, config_map(data={"mode": "a", "size": "1"}))
    read.data = {"mode": "c"}
    core.replace_namespaced_config_map("settings", namespace, read)
    now: Any = core.read_namespaced_config_map("settings", namespace)
    assert ({"mode": "c"}, read.metadata.uid) == (now.data, now.metadata.uid)


def test_a_config_map_is_updated_without_naming_a_version(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    now: Any = core.replace_namespaced_config_map("settings", namespace, config_map(data={"mode": "d"}))
    assert now.data == {"mode": "d"}


def test_a_custom_object_is_not_updated_without_naming_a_version(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares")
    objects.create_namespaced_custom_object(*where, custom("Bare"))
    answer = refused(objects.replace_namespaced_custom_object, *where, "one", custom("Bare"))
    assert answer == (422, "Invalid")


def test_an_update_of_another_object_of_that_name_is_a_conflict(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    body = config_map(uid="another")
    assert refused(core.replace_namespaced_config_map, "settings", namespace, body) == (409, "Conflict")


@pytest.mark.parametrize(
    ("meta", "answer"),
    [
        pytest.param({"namespace": "default"}, (400, "BadRequest"), id="another-namespace"),
        pytest.param({"resourceVersion": "5"}, (500, ""), id="a-version-of-its-own"),
    ],
)
def test_what_cannot_be_created_is_refused(
    core: CoreV1Api, namespace: str, meta: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert refused(core.create_namespaced_config_map, namespace, config_map(**meta)) == answer


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        pytest.param("application/merge-patch+json", ["x"], id="merge-patch"),
        pytest.param("application/json-patch+json", {"data": {}}, id="json-patch"),
        pytest.param("application/apply-patch+yaml", "a: [", id="apply"),
    ],
)
def test_a_patch_of_the_wrong_form_is_a_bad_request(
    admin: ApiClient, core: CoreV1Api, namespace: str, media_type: str, body: Any
) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    path = f"/api/v1/namespaces/{namespace}/configmaps/settings?fieldManager=x"
    text = body if isinstance(body, str) else json.dumps(body)
    assert refused(raw, admin, "PATCH", path, text, media_type) == (400, "BadRequest")


def test_a_deletion_with_another_uid_is_a_conflict(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map())
    options: Manifest = {"preconditions": {"uid": "another"}}
    answer = refused(core.delete_namespaced_config_map, "settings", namespace, body=options)
    assert answer == (409, "Conflict")


def test_a_deletion_says_what_it_removed(core: CoreV1Api, namespace: str) -> None:
    made: Any = core.create_namespaced_config_map(namespace, config_map())
    status: Any = core.delete_namespaced_config_map("settings", namespace)
    assert status["status"] == "Success"
    assert status["details"] == {"name": "settings", "kind": "configmaps", "uid": made.metadata.uid}
    with pytest.raises(NotFoundException):
        core.read_namespaced_config_map("settings", namespace)


def test_a_finalizer_holds_an_object_until_it_is_taken_away(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map(finalizers=["litmus-gitops.test/hold"]))
    core.delete_namespaced_config_map("settings", namespace)
    held: Any = core.read_namespaced_config_map("settings", namespace)
    assert held.metadata.deletion_timestamp is not None
    core.patch_namespaced_config_map("settings", namespace, [{"op": "remove", "path": "/metadata/finalizers"}])
    with pytest.raises(NotFoundException):
        core.read_namespaced_config_map("settings", namespace)


def test_a_secret_keeps_its_plain_values_coded(core: CoreV1Api, namespace: str) -> None:
    body: Manifest = {"metadata": {"name": "key"}, "stringData": {"token": "abc"}}
    core.create_namespaced_secret(namespace, body)
    read: Any = core.read_namespaced_secret("key", namespace)
    assert ("Opaque", {"token": "YWJj"}, None) == (read.type, read.data, read.string_data)


def test_a_dry_run_answers_like_a_write_and_stores_nothing(apps: AppsV1Api, namespace: str) -> None:
    dry: Any = apps.create_namespaced_deployment(namespace, workload(), dry_run="All")
    assert (1, None) == (dry.metadata.generation, dry.metadata.resource_version)
    made: Any = apps.create_namespaced_deployment(namespace, workload())
    patched: Any = apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"), dry_run="All")
    apps.delete_namespaced_deployment("till", namespace, dry_run="All")
    now: Any = apps.read_namespaced_deployment("till", namespace)
    assert (2, made.to_dict()) == (patched.metadata.generation, now.to_dict())


def test_a_wrong_token_is_unauthorized(kubernetes_api: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(kubernetes_api.read_text())
    config["users"][0]["user"]["token"] = "wrong"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    with connected(tmp_path / "kubeconfig") as stranger:
        assert refused(CoreV1Api(stranger).list_namespace) == (401, "Unauthorized")


def test_the_version_is_a_kubernetes_version(admin: ApiClient) -> None:
    version = VersionApi(admin).get_code()
    assert ("1", "36") == (version.major, version.minor)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        pytest.param("/api/v1", {"configmaps", "namespaces", "nodes", "pods", "secrets", "serviceaccounts"}, id="core"),
        pytest.param("/apis/apps/v1", {"deployments", "deployments/scale", "deployments/status"}, id="apps"),
        pytest.param("/apis/coordination.k8s.io/v1", {"leases"}, id="leases"),
        pytest.param(f"/apis/{GROUP}/v1", {"bares", "splits", "splits/status"}, id="custom"),
    ],
)
@pytest.mark.usefixtures("objects")
def test_discovery_lists_what_is_served(admin: ApiClient, path: str, names: set[str]) -> None:
    assert names <= {entry["name"] for entry in raw(admin, "GET", path)["resources"]}
    assert {"apps", GROUP} <= {entry["name"] for entry in raw(admin, "GET", "/apis")["groups"]}


def test_discovery_names_groups_and_versions(admin: ApiClient) -> None:
    group = raw(admin, "GET", "/apis/apps")
    assert ("APIGroup", "apps", "apps/v1") == (group["kind"], group["name"], group["preferredVersion"]["groupVersion"])
    assert raw(admin, "GET", "/api")["versions"] == ["v1"]
    for path in ("/apis/nobody.example", "/apis/nobody.example/v1"):
        with pytest.raises(NotFoundException):
            raw(admin, "GET", path)


def test_a_custom_resource_is_served_once_it_is_defined(admin: ApiClient, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "laters")
    objects = CustomObjectsApi(admin)
    with pytest.raises(NotFoundException):
        objects.list_namespaced_custom_object(*where)
    install(admin, [definition("Later", subresources={})])
    objects.create_namespaced_custom_object(*where, custom("Later"))
    listed: Any = objects.list_namespaced_custom_object(*where)
    assert ("LaterList", ["one"]) == (listed["kind"], [one["metadata"]["name"] for one in listed["items"]])
