import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes.client import (
    AdmissionregistrationV1Api,
    ApiClient,
    ApiException,
    AppsV1Api,
    CoreV1Api,
    CustomObjectsApi,
)

from infra.demo.kubernetes_api import ApiServer
from infra.demo.kubernetes_api.definitions import definitions, install
from tests.infra.plain_receiver import Plain
from tests.kubernetes_conformance.answers import raw, refused
from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, definition, workload
from tests.real.connections import Manifest, connected, events


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer(history=5) as api:
        yield api


@pytest.fixture(scope="module")
def admin(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    with connected(server.kubeconfig(tmp_path_factory.mktemp("api") / "kubeconfig")) as client:
        yield client


@pytest.fixture
def core(admin: ApiClient) -> Iterator[CoreV1Api]:
    api = CoreV1Api(admin)
    body: Manifest = {"metadata": {"name": "here"}}
    api.create_namespace(body)
    yield api
    api.delete_namespace("here")


def test_a_watch_looks_back_as_far_as_the_history_and_no_further(core: CoreV1Api) -> None:
    listed: Any = core.list_namespaced_config_map("here")
    since = listed.metadata.resource_version
    for number in range(5):
        core.create_namespaced_config_map("here", config_map(f"c{number}"))
    found = list(events(core.list_namespaced_config_map, "here", since=since, seconds=1))
    assert [event["object"].metadata.name for event in found] == ["c0", "c1", "c2", "c3", "c4"]
    core.create_namespaced_config_map("here", config_map("one-too-many"))
    with pytest.raises(ApiException) as caught:
        next(events(core.list_namespaced_config_map, "here", since=since))
    assert caught.value.status == 410


def test_the_kubeconfig_is_its_owners_alone(server: ApiServer, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path / "kubeconfig")
    assert (0o600, True) == (path.stat().st_mode & 0o777, server.token in path.read_text())


def test_two_servers_know_nothing_of_each_other(core: CoreV1Api, tmp_path: Path) -> None:
    core.create_namespaced_config_map("here", config_map())
    with ApiServer() as other, connected(other.kubeconfig(tmp_path / "kubeconfig")) as client:
        answer = refused(CoreV1Api(client).read_namespace, "here")
    assert answer == (404, "NotFound")


def test_a_server_stops_at_once_though_someone_watches(tmp_path: Path) -> None:
    with ApiServer() as api, connected(api.kubeconfig(tmp_path / "kubeconfig")) as client:
        watching = threading.Thread(target=lambda: list(watch_for_long(CoreV1Api(client))))
        watching.start()
        time.sleep(0.2)
        began = time.monotonic()
    watching.join(5)
    assert (True, False) == (time.monotonic() - began < 3, watching.is_alive())


def watch_for_long(core: CoreV1Api) -> Iterator[Any]:
    listed: Any = core.list_namespace()
    yield from events(core.list_namespace, since=listed.metadata.resource_version, seconds=600)


def test_writes_of_many_at_once_are_all_kept(core: CoreV1Api) -> None:
    core.create_namespaced_config_map("here", config_map())

    def write(number: int) -> str:
        patched: Any = core.patch_namespaced_config_map("settings", "here", {"data": {f"k{number}": "x"}})
        return str(patched.metadata.resource_version)

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(write, range(20)))
    now: Any = core.read_namespaced_config_map("settings", "here")
    assert (20, 21) == (len(set(versions)), len(now.data))


def test_a_deleted_namespace_takes_what_is_in_it_along(admin: ApiClient) -> None:
    core = CoreV1Api(admin)
    body: Manifest = {"metadata": {"name": "short"}}
    core.create_namespace(body)
    core.create_namespaced_config_map("short", config_map())
    core.delete_namespace("short")
    core.create_namespace(body)
    left: Any = core.list_namespaced_config_map("short")
    assert left.items == []


def test_a_deleted_definition_takes_its_objects_along(admin: ApiClient) -> None:
    where = (GROUP, "v1", "default", "bares")
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bares.{GROUP}"
    install(admin, [definition("Bare", subresources={})])
    CustomObjectsApi(admin).create_namespaced_custom_object(*where, custom("Bare"))
    raw(admin, "DELETE", path)
    assert refused(CustomObjectsApi(admin).list_namespaced_custom_object, *where) == (404, "NotFound")
    install(admin, [definition("Bare", subresources={})])
    listed: Any = CustomObjectsApi(admin).list_namespaced_custom_object(*where)
    raw(admin, "DELETE", path)
    assert listed["items"] == []


def test_our_own_definitions_serve_every_kind_of_an_experiment(admin: ApiClient) -> None:
    created = install(admin, definitions())
    assert (7, []) == (len(created), install(admin, definitions()))
    kinds = {
        entry["kind"]
        for group in ("argoproj.io/v1alpha1", "litmuschaos.io/v1alpha1", "eventtracker.litmuschaos.io/v1")
        for entry in raw(admin, "GET", f"/apis/{group}")["resources"]
    }
    assert kinds == {one["spec"]["names"]["kind"] for one in definitions()}


def test_each_served_version_of_a_definition_shows_the_same_objects(admin: ApiClient) -> None:
    two = definition("Pair", subresources={})
    two["spec"]["versions"].append(two["spec"]["versions"][0] | {"name": "v2", "storage": False})
    install(admin, [two])
    objects = CustomObjectsApi(admin)
    objects.create_namespaced_custom_object(GROUP, "v1", "default", "pairs", custom("Pair"))
    read: Any = objects.get_namespaced_custom_object(GROUP, "v2", "default", "pairs", "one")
    assert read["apiVersion"] == f"{GROUP}/v2"


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        pytest.param("GET", "/apis/nobody.example/v1/things", b"", 404, id="unknown-group"),
        pytest.param("GET", "/apis/apps/v1/deployments/till", b"", 404, id="no-namespace"),
        pytest.param("GET", "/api/v1/namespaces/default/nodes/n", b"", 404, id="not-namespaced"),
        pytest.param("GET", "/api/v1/namespaces/default/configmaps/c/scale", b"", 404, id="no-such-subresource"),
        pytest.param("POST", "/api/v1/namespaces/default/configmaps/c", b"{}", 405, id="create-by-name"),
        pytest.param("DELETE", "/api/v1/namespaces/default/configmaps", b"", 405, id="delete-all"),
        pytest.param("POST", "/api/v1/namespaces/default/configmaps", b"{", 400, id="no-json"),
        pytest.param("POST", "/api/v1/namespaces/default/configmaps", b"[]", 400, id="no-object"),
        pytest.param("POST", "/api/v1/namespaces/default/configmaps", b'{"kind": "Secret"}', 400, id="other-kind"),
        pytest.param("POST", "/api/v1/namespaces/default/configmaps", b'{"apiVersion": "v2"}', 400, id="other-version"),
        pytest.param("GET", "/api/v1/configmaps?continue=x", b"", 400, id="broken-continue"),
        pytest.param("GET", "/api/v1/configmaps?watch=1&resourceVersion=x", b"", 400, id="broken-version"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_status(
    server: ApiServer, method: str, path: str, body: bytes, code: int
) -> None:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, f"{server.url}{path}", body=body or None, headers=headers, retries=False)
    assert (code, "Status") == (answer.status, answer.json()["kind"])


def test_health_needs_no_token(server: ApiServer) -> None:
    with urllib3.PoolManager() as pool:
        assert b"ok" == pool.request("GET", f"{server.url}/readyz").data


def register(admin: ApiClient, url: str, policy: str, operation: str = "CREATE") -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": ["configmaps"]}
    hook: Manifest = {"name": "plain.litmus-gitops.test", "clientConfig": {"url": url}, "rules": [rule]}
    hook |= {"failurePolicy": policy, "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1}
    body: Manifest = {"metadata": {"name": "plain"}, "webhooks": [hook]}
    AdmissionregistrationV1Api(admin).create_validating_webhook_configuration(body)


@pytest.fixture
def unregister(admin: ApiClient) -> Iterator[None]:
    yield
    AdmissionregistrationV1Api(admin).delete_validating_webhook_configuration("plain")


@pytest.mark.usefixtures("unregister")
def test_a_webhook_is_called_over_plain_http_too(admin: ApiClient, core: CoreV1Api) -> None:
    with Plain() as hook:
        register(admin, hook.url, "Fail")
        core.create_namespaced_config_map("here", config_map())
    assert [body["request"]["name"] for body in hook.bodies] == ["settings"]


@pytest.mark.usefixtures("unregister")
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_webhook_that_is_too_slow_or_away_is_handled_by_its_policy(
    admin: ApiClient, core: CoreV1Api, policy: str
) -> None:
    expected = None if policy == "Ignore" else (500, "InternalError")
    with Plain(delay=1.2) as hook:
        register(admin, hook.url, policy)
        slow = outcome(core)
    assert (expected, expected) == (slow, outcome(core))


def outcome(core: CoreV1Api) -> tuple[int, str] | None:
    """How creating something was refused, None if it was not."""
    body: Manifest = {"metadata": {"generateName": "c-"}}
    try:
        core.create_namespaced_config_map("here", body)
    except ApiException as error:
        return error.status, json.loads(str(error.body))["reason"]
    return None


@pytest.mark.usefixtures("unregister")
def test_a_write_that_was_overtaken_during_its_review_is_made_anew(admin: ApiClient, core: CoreV1Api) -> None:
    core.create_namespaced_config_map("here", config_map())
    with Plain(delay=0.1) as hook, ThreadPoolExecutor(3) as pool:
        register(admin, hook.url, "Fail", "UPDATE")
        writes = [{"data": {f"k{number}": "x"}} for number in range(3)]
        list(pool.map(lambda patch: core.patch_namespaced_config_map("settings", "here", patch), writes))
    now: Any = core.read_namespaced_config_map("settings", "here")
    assert (4, True) == (len(now.data), len(hook.bodies) > 3)


def test_audit_events_are_sent_again_until_they_are_taken(tmp_path: Path) -> None:
    with (
        Plain(failures=2) as sink,
        ApiServer(audit_url=sink.url) as api,
        connected(api.kubeconfig(tmp_path / "kubeconfig")) as client,
    ):
        AppsV1Api(client).create_namespaced_deployment("default", workload())
        CoreV1Api(client).create_namespaced_config_map("default", config_map())
    [first, *_] = sink.bodies
    assert [first] * 3 == sink.bodies
    assert [("create", "deployments")] == [(one["verb"], one["objectRef"]["resource"]) for one in first["items"]]
