from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import (
    AdmissionregistrationV1Api,
    ApiClient,
    ApiException,
    AppsV1Api,
    CoreV1Api,
    CustomObjectsApi,
    RbacAuthorizationV1Api,
    VersionApi,
)

from infra.demo.certificates import make_certificates
from infra.demo.kubernetes_api.definitions import definitions, install
from tests.real.apiserver import AuditWebhook, RealApiServer
from tests.real.build import MODULE
from tests.real.connections import Manifest, connected, events
from tests.real.receiver import Receiver, accept, allow
from tests.real.waiting import eventually

LABELS = {"app": "till"}
WATCHED = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "till-outage"}
NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "till", "image": "till:2"}]}}}}


def deployment() -> Manifest:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "till", "image": "till:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "till", "annotations": WATCHED},
        "spec": {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": template},
    }


@pytest.fixture
def apps(admin: ApiClient, namespace: str) -> AppsV1Api:
    api = AppsV1Api(admin)
    api.create_namespaced_deployment(namespace, deployment())
    return api


def test_the_server_says_the_version_that_is_pinned(admin: ApiClient) -> None:
    version = VersionApi(admin).get_code().git_version
    assert f"k8s.io/kubernetes {version} " in (MODULE / "go.mod").read_text()


@pytest.mark.parametrize(
    ("patch", "generation"),
    [
        pytest.param(NEW_IMAGE, 2, id="image"),
        pytest.param({"metadata": {"annotations": {"team": "checkout"}}}, 2, id="annotation only"),
        pytest.param({"metadata": {"labels": {"team": "checkout"}}}, 1, id="label only"),
        pytest.param({"metadata": {"annotations": WATCHED}}, 1, id="nothing new"),
    ],
)
def test_a_patch_moves_the_generation_of_a_deployment(
    apps: AppsV1Api, namespace: str, patch: dict[str, Any], generation: int
) -> None:
    before: Any = apps.read_namespaced_deployment("till", namespace)
    after: Any = apps.patch_namespaced_deployment("till", namespace, patch)
    assert (1, generation) == (before.metadata.generation, after.metadata.generation)


def test_the_scale_subresource_has_the_replicas_and_no_annotations(apps: AppsV1Api, namespace: str) -> None:
    scale: Any = apps.read_namespaced_deployment_scale("till", namespace)
    assert (scale.spec.replicas, scale.metadata.annotations) == (3, None)


def test_a_watch_sees_the_update(apps: AppsV1Api, namespace: str) -> None:
    before: Any = apps.list_namespaced_deployment(namespace)
    apps.patch_namespaced_deployment("till", namespace, NEW_IMAGE)
    event = next(events(apps.list_namespaced_deployment, namespace, since=before.metadata.resource_version))
    assert (event["type"], event["object"].metadata.generation) == ("MODIFIED", 2)


def test_experiments_of_either_group_are_served(admin: ApiClient, installed_crds: list[str], namespace: str) -> None:
    assert {"workflows.argoproj.io", "chaosengines.litmuschaos.io", "chaosresults.litmuschaos.io"} <= set(
        installed_crds
    )
    spec = {"engineState": "active", "experiments": []}
    engine = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine", "metadata": {"name": "e"}, "spec": spec}
    objects = CustomObjectsApi(admin)
    objects.create_namespaced_custom_object("litmuschaos.io", "v1alpha1", namespace, "chaosengines", engine)
    read: Any = objects.get_namespaced_custom_object("litmuschaos.io", "v1alpha1", namespace, "chaosengines", "e")
    assert read["spec"] == spec


def test_our_own_definitions_are_good_for_a_bare_server(admin: ApiClient) -> None:
    renamed = [_elsewhere(definition) for definition in definitions()]
    assert [definition["metadata"]["name"] for definition in renamed] == install(admin, renamed)


def _elsewhere(definition: Manifest) -> Manifest:
    """The same definition in another group, for upstream's may be installed already."""
    group = f"ours.{definition['spec']['group']}"
    definition["spec"]["group"] = group
    definition["metadata"]["name"] = f"{definition['spec']['names']['plural']}.{group}"
    return definition


def role(namespace: str) -> tuple[Manifest, Manifest]:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    return (
        {"metadata": {"name": "reader"}, "rules": [rule]},
        {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": [subject]},
    )


@pytest.fixture
def reader(real_api: RealApiServer, admin: ApiClient, namespace: str) -> Iterator[ApiClient]:
    core = CoreV1Api(admin)
    account: Manifest = {"metadata": {"name": "reader"}}
    core.create_namespaced_service_account(namespace, account)
    request: Manifest = {"spec": {"audiences": []}}
    issued: Any = core.create_namespaced_service_account_token("reader", namespace, request)
    with connected(real_api.kubeconfig_for(namespace, issued.status.token)) as client:
        yield client


def lists_deployments(reader: ApiClient, namespace: str) -> bool:
    try:
        AppsV1Api(reader).list_namespaced_deployment(namespace)
    except ApiException as error:
        return bool(error.status != 403)
    return True


def test_a_service_account_may_do_what_its_role_says_and_no_more(
    admin: ApiClient, reader: ApiClient, namespace: str
) -> None:
    assert not lists_deployments(reader, namespace)
    allowed, binding = role(namespace)
    RbacAuthorizationV1Api(admin).create_namespaced_role(namespace, allowed)
    RbacAuthorizationV1Api(admin).create_namespaced_role_binding(namespace, binding)
    eventually(lambda: lists_deployments(reader, namespace), "the role binding works")
    with pytest.raises(ApiException, match="Forbidden"):
        CoreV1Api(reader).list_namespaced_secret(namespace)


def webhook(receiver: Receiver, namespace: str) -> Manifest:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    entry = {
        "name": "changes.litmus-gitops.test",
        "clientConfig": {"url": f"{receiver.url}/admission/here", "caBundle": receiver.ca_bundle},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": namespace}, "webhooks": [entry]}


def images(review_object: dict[str, Any]) -> list[str]:
    return [container["image"] for container in review_object["spec"]["template"]["spec"]["containers"]]


def is_called(apps: AppsV1Api, namespace: str, receiver: Receiver) -> bool:
    """Whether a registration has taken effect, tried by a dry run."""
    apps.patch_namespaced_deployment("till", namespace, NEW_IMAGE, dry_run="All")
    return not receiver.received.empty() and bool(receiver.next().body["request"]["dryRun"])


def test_a_change_reaches_an_admission_webhook_over_tls(
    admin: ApiClient, apps: AppsV1Api, namespace: str, tmp_path: Path
) -> None:
    registrations = AdmissionregistrationV1Api(admin)
    with Receiver(make_certificates(tmp_path), allow) as receiver:
        registrations.create_validating_webhook_configuration(webhook(receiver, namespace))
        eventually(lambda: is_called(apps, namespace, receiver), "the webhook is called")
        apps.patch_namespaced_deployment("till", namespace, NEW_IMAGE)
        delivery = receiver.next()
        registrations.delete_validating_webhook_configuration(namespace)
    request = delivery.body["request"]
    assert delivery.path == "/admission/here?timeout=5s"
    assert (images(request["oldObject"]), images(request["object"])) == (["till:1"], ["till:2"])


def test_a_change_reaches_the_audit_webhook_over_tls(tmp_path: Path) -> None:
    rules = [{"level": "RequestResponse", "verbs": ["create"], "resources": [{"group": "apps"}]}, {"level": "None"}]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    with Receiver(make_certificates(tmp_path), accept) as receiver:
        audit = AuditWebhook(f"{receiver.url}/audit/here", receiver.ca, policy)
        with RealApiServer(audit=audit) as server, connected(server.kubeconfig) as client:
            AppsV1Api(client).create_namespaced_deployment("default", deployment())
            delivery = receiver.next()
    [event] = delivery.body["items"]
    assert delivery.path == "/audit/here?timeout=30s"
    assert (event["stage"], event["responseObject"]["metadata"]["generation"]) == ("ResponseComplete", 1)
