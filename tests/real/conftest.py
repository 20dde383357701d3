from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient, CoreV1Api, V1Namespace, V1ObjectMeta

from tests.real import crds
from tests.real.apiserver import RealApiServer
from tests.real.connections import connected

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything in this folder, before `-m` chooses."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def real_api() -> Iterator[RealApiServer]:
    """One server for all tests of the folder; each test keeps to a namespace of its own."""
    with RealApiServer() as server:
        yield server


@pytest.fixture(scope="session")
def admin(real_api: RealApiServer) -> Iterator[ApiClient]:
    """The real client, allowed everything."""
    with connected(real_api.kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def installed_crds(admin: ApiClient) -> list[str]:
    """The names of the custom resources that the server now serves."""
    return crds.served(admin)


@pytest.fixture
def namespace(admin: ApiClient) -> str:
    """A new namespace; it is never deleted, for nothing here would finish that."""
    name = f"test-{uuid4().hex[:8]}"
    CoreV1Api(admin).create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name)))
    return name
