from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api, CustomObjectsApi

from infra.demo.kubernetes_api import ApiServer
from infra.demo.kubernetes_api.definitions import definitions, install
from tests.infra.operator.helpers import ARGO, LITMUS
from tests.real.connections import Manifest, connected


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with ApiServer() as api:
        yield api.kubeconfig(tmp_path_factory.mktemp("operator") / "kubeconfig")


@pytest.fixture(scope="module")
def admin(kubeconfig: Path) -> Iterator[ApiClient]:
    with connected(kubeconfig) as client:
        install(client, definitions())
        yield client


@pytest.fixture
def objects(admin: ApiClient) -> Iterator[CustomObjectsApi]:
    api = CustomObjectsApi(admin)
    yield api
    for where, plural in ((ARGO, "workflows"), (LITMUS, "chaosengines"), (LITMUS, "chaosresults")):
        found: Any = api.list_namespaced_custom_object(*where, plural)
        for one in found["items"]:
            api.delete_namespaced_custom_object(*where, plural, one["metadata"]["name"])


@pytest.fixture
def apps(admin: ApiClient) -> Iterator[AppsV1Api]:
    core, api = CoreV1Api(admin), AppsV1Api(admin)
    node: Manifest = {"metadata": {"name": "node"}}
    core.create_node(node)
    yield api
    core.delete_node("node")
    for kind in ("deployment", "stateful_set", "daemon_set"):
        getattr(api, f"delete_namespaced_{kind}")("till", "default")
