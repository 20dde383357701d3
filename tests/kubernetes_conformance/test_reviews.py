from typing import Any
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api

from tests.kubernetes_conformance.answers import refusal, refused
from tests.kubernetes_conformance.conftest import Cluster
from tests.kubernetes_conformance.hooks import Hook, before, repeat
from tests.kubernetes_conformance.manifests import config_map, image_patch, workload
from tests.kubernetes_conformance.shapes import recorded, shape, without_history
from tests.real.connections import Manifest, connected


@pytest.mark.parametrize(
    "name",
    [
        "deployment-create",
        "deployment-create-not-annotated",
        "deployment-image",
        "deployment-image-not-annotated",
        "deployment-image-opted-out",
        "deployment-env",
        "deployment-replicas",
        "deployment-opt-out",
        "deployment-apply-no-change",
        "deployment-annotation-only",
        "deployment-image-dry-run",
        "deployment-delete",
        "statefulset-create",
        "daemonset-image",
        "configmap-change",
        "configmap-create-not-annotated",
    ],
)
def test_a_review_has_the_keys_that_were_recorded(admin: ApiClient, hook: Hook, namespace: str, name: str) -> None:
    request = recorded(f"admission/{name}")["request"]
    before(admin, namespace, request)
    hook.register()
    repeat(admin, namespace, request)
    [sent] = hook.drain()
    assert shape(without_history(sent)) == shape(without_history(request))
    if request["operation"] == "CREATE":
        assert shape(sent) == shape(request)


def test_a_review_of_a_scale_has_the_keys_that_were_recorded(apps: AppsV1Api, hook: Hook, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    hook.register()
    apps.patch_namespaced_deployment_scale("till", namespace, {"spec": {"replicas": 5}})
    [sent] = hook.drain()
    wanted = recorded("admission/deployment-scale-subresource")["request"]
    assert shape(sent) == shape(wanted)
    same = ("kind", "resource", "subResource", "requestKind", "requestSubResource", "operation", "userInfo", "options")
    assert [sent[key] for key in same] == [wanted[key] for key in same]


@pytest.mark.parametrize("name", ["deployment-scale-by-autoscaler", "deployment-env-by-chaos-service-account"])
def test_a_review_names_the_service_account_that_acts(
    cluster: Cluster, admin: ApiClient, hook: Hook, namespace: str, name: str
) -> None:
    wanted = recorded(f"admission/{name}")["request"]["userInfo"]
    cluster.grant(admin, wanted["username"])
    hook.register()
    with connected(cluster.kubeconfig) as client:
        client.default_headers["Impersonate-User"] = wanted["username"]
        CoreV1Api(client).create_namespaced_config_map(namespace, config_map())
    [sent] = hook.drain()
    assert sent["userInfo"] == wanted


def test_a_review_comes_as_a_post_that_names_its_time(core: CoreV1Api, hook: Hook, namespace: str) -> None:
    hook.register()
    core.create_namespaced_config_map(namespace, config_map())
    delivery = hook.delivery()
    head = {key: delivery.headers[key] for key in ("content-type", "accept", "accept-encoding", "user-agent")}
    assert delivery.path == "/admission/here?timeout=5s"
    assert head == {
        "content-type": "application/json",
        "accept": "application/json, */*",
        "accept-encoding": "gzip",
        "user-agent": "kube-apiserver-admission",
    }


def test_a_review_of_a_generated_name_has_the_name(core: CoreV1Api, hook: Hook, namespace: str) -> None:
    hook.register()
    body: Manifest = {"metadata": {"generateName": "run-"}}
    made: Any = core.create_namespaced_config_map(namespace, body)
    [sent] = hook.drain()
    assert {made.metadata.name} == {sent["name"], sent["object"]["metadata"]["name"]}


def test_an_update_that_changes_nothing_is_reviewed(apps: AppsV1Api, hook: Hook, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    hook.register()
    apps.patch_namespaced_deployment("till", namespace, image_patch("till:1.0"))
    [sent] = hook.drain()
    assert sent["object"] == sent["oldObject"]


def test_a_review_shows_the_new_generation_and_the_old_resource_version(
    apps: AppsV1Api, hook: Hook, namespace: str
) -> None:
    made: Any = apps.create_namespaced_deployment(namespace, workload())
    hook.register()
    apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"))
    [sent] = hook.drain()
    sides = [sent[side]["metadata"] for side in ("oldObject", "object")]
    assert [1, 2] == [meta["generation"] for meta in sides]
    assert {made.metadata.resource_version} == {meta["resourceVersion"] for meta in sides}


def test_a_status_is_reviewed_as_a_subresource(apps: AppsV1Api, hook: Hook, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload())
    hook.register()
    apps.patch_namespaced_deployment_status("till", namespace, {"status": {"observedGeneration": 1}})
    [sent] = hook.drain()
    assert ("status", "Deployment") == (sent["subResource"], sent["kind"]["kind"])


@pytest.mark.parametrize(
    ("name", "denial"),
    [
        pytest.param("explained", (418, "TeaTime", ": not today"), id="code-reason-message"),
        pytest.param("unexplained", (400, "", " without explanation"), id="nothing"),
        pytest.param("reason-only", (400, "TeaTime", ": TeaTime"), id="reason"),
    ],
)
def test_a_denial_is_passed_on(
    core: CoreV1Api, hook: Hook, namespace: str, name: str, denial: tuple[int, str, str]
) -> None:
    code, reason, sentence = denial
    hook.register()
    status = refusal(core.create_namespaced_config_map, namespace, config_map(name))
    message = f'admission webhook "changes.litmus-gitops.test" denied the request{sentence}'
    assert (code, reason, message) == (status["code"], status.get("reason", ""), status["message"])
    assert (404, "NotFound") == refused(core.read_namespaced_config_map, name, namespace)


def test_a_broken_answer_fails_the_write(core: CoreV1Api, hook: Hook, namespace: str) -> None:
    hook.register(failurePolicy="Fail")
    assert refused(core.create_namespaced_config_map, namespace, config_map("broken")) == (500, "InternalError")


def test_a_broken_answer_fails_no_write_where_failures_are_ignored(core: CoreV1Api, hook: Hook, namespace: str) -> None:
    hook.register(failurePolicy="Ignore")
    made: Any = core.create_namespaced_config_map(namespace, config_map("broken"))
    assert made.metadata.uid


def test_only_what_the_rules_match_is_reviewed(core: CoreV1Api, apps: AppsV1Api, hook: Hook, namespace: str) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook.register(rules=[rule])
    core.create_namespaced_config_map(namespace, config_map())
    core.patch_namespaced_config_map("settings", namespace, {"data": {"mode": "b"}})
    core.delete_namespaced_config_map("settings", namespace)
    apps.create_namespaced_deployment(namespace, workload())
    assert [("CREATE", "settings")] == [(sent["operation"], sent["name"]) for sent in hook.drain()]


def test_only_objects_that_the_selector_takes_are_reviewed(core: CoreV1Api, hook: Hook, namespace: str) -> None:
    hook.register(objectSelector={"matchLabels": {"app": "till"}})
    core.create_namespaced_config_map(namespace, config_map("other"))
    core.create_namespaced_config_map(namespace, config_map("ours", labels={"app": "till"}))
    core.patch_namespaced_config_map("ours", namespace, {"metadata": {"labels": {"app": None}}})
    found = [(sent["operation"], sent["name"]) for sent in hook.drain()]
    assert found == [("CREATE", "ours"), ("UPDATE", "ours")]


def test_other_namespaces_are_not_reviewed(core: CoreV1Api, hook: Hook) -> None:
    hook.register()
    other = f"other-{uuid4().hex[:8]}"
    body: Manifest = {"metadata": {"name": other}}
    core.create_namespace(body)
    core.create_namespaced_config_map(other, config_map())
    assert hook.drain() == []
