from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kubernetes.client import (
    AdmissionregistrationV1Api,
    ApiClient,
    AppsV1Api,
    AuthorizationV1Api,
    CoreV1Api,
    CustomObjectsApi,
    RbacAuthorizationV1Api,
)

from infra.demo.certificates import Certificates, make_certificates
from infra.demo.kubernetes_api import ApiServer
from infra.demo.kubernetes_api.definitions import install
from tests.kubernetes_conformance.hooks import Hook, answer
from tests.kubernetes_conformance.manifests import AUDIT_POLICY, definition
from tests.real.apiserver import AuditWebhook, RealApiServer
from tests.real.connections import Manifest, connected
from tests.real.receiver import Receiver, accept
from tests.real.waiting import eventually


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kubernetes API: its administrator's file, where its audit events go, how a user is allowed everything."""

    kubeconfig: Path
    audited: Receiver
    grant: Callable[[ApiClient, str], None]


def everyone_may(_client: ApiClient, _user: str) -> None:
    """The double does not authorize."""


def bind_to_cluster_admin(client: ApiClient, user: str) -> None:
    group = "rbac.authorization.k8s.io"
    body: Manifest = {
        "metadata": {"generateName": "conformance-"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    RbacAuthorizationV1Api(client).create_cluster_role_binding(body)
    eventually(lambda: may_everything(client, user), f"{user} may do everything")


def may_everything(client: ApiClient, user: str) -> bool:
    question: Manifest = {"spec": {"user": user, "resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}}
    review: Any = AuthorizationV1Api(client).create_subject_access_review(question)
    return bool(review.status.allowed)


def started_double(audited: Receiver, folder: Path, exits: ExitStack) -> Cluster:
    api = exits.enter_context(ApiServer())
    api.send_audit_to(f"{audited.url}/audit/here", audited.ca)
    return Cluster(api.kubeconfig(folder / "kubeconfig"), audited, everyone_may)


def started_real(audited: Receiver, _folder: Path, exits: ExitStack) -> Cluster:
    webhook = AuditWebhook(f"{audited.url}/audit/here", audited.ca, AUDIT_POLICY)
    return Cluster(exits.enter_context(RealApiServer(audit=webhook)).kubeconfig, audited, bind_to_cluster_admin)


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(started_double, id="double"),
        pytest.param(started_real, id="real", marks=pytest.mark.real),
    ],
)
def cluster(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with ExitStack() as exits:
        audited = exits.enter_context(Receiver(certificates, accept))
        yield request.param(audited, tmp_path_factory.mktemp("cluster"), exits)


@pytest.fixture(scope="session")
def kubernetes_api(cluster: Cluster) -> Path:
    return cluster.kubeconfig


@pytest.fixture(scope="session")
def admin(kubernetes_api: Path) -> Iterator[ApiClient]:
    with connected(kubernetes_api) as client:
        yield client


@pytest.fixture(scope="session")
def core(admin: ApiClient) -> CoreV1Api:
    return CoreV1Api(admin)


@pytest.fixture(scope="session")
def apps(admin: ApiClient) -> AppsV1Api:
    return AppsV1Api(admin)


@pytest.fixture(scope="session")
def registrations(admin: ApiClient) -> AdmissionregistrationV1Api:
    return AdmissionregistrationV1Api(admin)


@pytest.fixture(scope="session")
def objects(admin: ApiClient) -> CustomObjectsApi:
    install(admin, [definition("Bare", subresources={}), definition("Split", subresources={"status": {}})])
    return CustomObjectsApi(admin)


@pytest.fixture
def namespace(core: CoreV1Api) -> str:
    name = f"test-{uuid4().hex[:8]}"
    body: Manifest = {"metadata": {"name": name}}
    core.create_namespace(body)
    return name


@pytest.fixture
def hook(certificates: Certificates, admin: ApiClient, namespace: str) -> Iterator[Hook]:
    with Receiver(certificates, answer) as receiver:
        hook = Hook(receiver, admin, namespace)
        yield hook
        hook.remove()
