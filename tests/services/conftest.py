from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from shared.clients.kubernetes import Kubernetes
from tests.chaoscenter import ChaosCenterStand
from tests.services.center_stage import CenterStage
from tests.services.chaos_cluster import DEPLOYMENTS, ChaosCluster, PortalStand, until
from tests.services.chaos_ground import prepare, shared_cluster
from tests.services.dispatch_parts import SubscriberStand
from tests.services.dispatch_stage import Stage
from tests.services.gate import Gate, gate_before
from tests.services.gitops import Shop
from tests.services.watched import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def chaos_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kubernetes, Path]]:
    with shared_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def cluster(chaos_api: tuple[Kubernetes, Path]) -> Iterator[ChaosCluster]:
    api, kubeconfig = chaos_api
    namespace = f"t-{uuid4().hex[:8]}"
    prepare(api, namespace)
    with PortalStand().open() as portal:
        made = ChaosCluster(api, kubeconfig, namespace, portal)
        yield made
        for one in made.started:
            one.stop()


@pytest.fixture
def gate(cluster: ChaosCluster, tmp_path: Path) -> Iterator[Gate]:
    """A gate that the test and every subscriber of it reach their cluster through."""
    with gate_before(cluster.kubeconfig, tmp_path) as (gate, api):
        cluster.api = api
        yield gate
        for one in cluster.started:
            one.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SubscriberStand("c1", "c2", "c3").open() as subscriber:
        made = Stage(tmp_path, subscriber)
        yield made
        made.database.close()


@pytest.fixture
def center_stage(tmp_path: Path) -> Iterator[CenterStage]:
    with SubscriberStand().open() as subscriber, ChaosCenterStand().open() as center:
        made = CenterStage(tmp_path, subscriber, center)
        yield made
        made.database.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Callable[[], Stage]]:
    """Make as many stages as a test needs, each with everything of its own."""
    made: list[Stage] = []
    with ExitStack() as stack:

        def make() -> Stage:
            folder = tmp_path / str(len(made))
            folder.mkdir()
            made.append(Stage(folder, stack.enter_context(SubscriberStand("c1", "c2", "c3").open())))
            stack.callback(made[-1].database.close)
            return made[-1]

        yield make


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Callable[[], Shop]]:
    """Make as many shops as a test needs, each with everything of its own."""
    made: list[Shop] = []
    with ExitStack() as stack:

        def make() -> Shop:
            folder = tmp_path / f"shop{len(made)}"
            folder.mkdir()
            made.append(Shop(folder))
            stack.callback(made[-1].close)
            return made[-1]

        yield make


@pytest.fixture
def chaos_scheduler(cluster: ChaosCluster) -> Iterator[None]:
    """A chaos scheduler that does nothing, for as long as the test lasts."""
    cluster.deploy("chaos-scheduler", replicas=1)
    until(
        lambda: (
            cluster.api.get(DEPLOYMENTS, cluster.namespace, "chaos-scheduler")
            .get("status", {})
            .get("availableReplicas")
        )
    )
    yield
    cluster.api.delete(DEPLOYMENTS, cluster.namespace, "chaos-scheduler")
