from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.demo.kubernetes_api.server import ApiServer
from infra.kubernetes.applying import WEBHOOKS, apply
from infra.kubernetes.options import CONFIGURATION, NAME
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.infra.kubernetes.sound import DEPLOYMENTS, NAMESPACE, OPTIONS, RBAC, workload


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with ApiServer() as server:
        yield open_kubernetes(str(server.kubeconfig(tmp_path_factory.mktemp("api") / "kubeconfig")))


@pytest.fixture
def sound(server: Kubernetes) -> Iterator[Kubernetes]:
    """A cluster in which everything is right: with the manifests, a ready subscriber and an annotated workload."""
    apply(server, OPTIONS)
    live = server.get(DEPLOYMENTS, NAMESPACE, NAME)
    server.replace(f"{DEPLOYMENTS}", NAMESPACE, f"{NAME}/status", live | {"status": {"readyReplicas": 2}})
    server.apply(DEPLOYMENTS, "default", workload())
    yield server
    server.delete("v1/namespaces", "", NAMESPACE)
    server.delete(WEBHOOKS, "", CONFIGURATION)
    for kind in ("clusterroles", "clusterrolebindings"):
        server.delete(f"{RBAC}/{kind}", "", NAME)
    server.delete(DEPLOYMENTS, "default", "till")
