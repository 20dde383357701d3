"""`subscriber` as a cluster runs it: a process of its own on functions-framework, whose server forks its workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from infra.demo.processes import Child
from infra.demo.stage import free_port
from shared.clients.kubernetes import Kubernetes
from tests.functions.clusters import altered, recorded
from tests.services.chaos_cluster import CLUSTER, ENGINES, SECRET, ChaosCluster, PortalStand, call, order, until
from tests.services.chaos_ground import prepare, shared_cluster
from tests.services.chaos_manifests import engine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chaos_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kubernetes, Path]]:
    with shared_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def cluster(chaos_api: tuple[Kubernetes, Path]) -> Iterator[ChaosCluster]:
    api, kubeconfig = chaos_api
    namespace = f"t-{uuid4().hex[:8]}"
    prepare(api, namespace)
    with PortalStand().open() as portal:
        yield ChaosCluster(api, kubeconfig, namespace, portal)


class Served:
    """The function in its process, and what to ask it."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self._base = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request(method, self._base + path, body=body, headers=headers, retries=False, timeout=10)

    def order(self, sent: Any, path: str = "/") -> urllib3.BaseHTTPResponse:
        made = call(sent)
        return self.ask("POST", path, made.body, **made.headers)


@contextmanager
def serving(cluster: ChaosCluster, folder: Path) -> Iterator[Served]:
    port = free_port()
    environment = {
        "CLUSTER_ID": CLUSTER,
        "PORTAL_URL": cluster.portal.url,
        "SUBSCRIBER_SECRET": SECRET,
        "SUBSCRIBER_NAMESPACE": cluster.namespace,
        "KUBECONFIG": str(cluster.kubeconfig),
        "POLL": "false",
        "HEARTBEAT_SECONDS": "0.5",
        "LOOK_SECONDS": "0.1",
        "THREADS": "4",
    }
    arguments = ["-m", "functions_framework", "--target", "subscriber", "--host", "127.0.0.1", "--port", str(port)]
    arguments += ["--source", str(ROOT / "functions" / "subscriber" / "main.py")]
    with Child("the subscriber", arguments, environment, folder / "log") as child:
        child.wait_until_ready(f"http://127.0.0.1:{port}/healthz")
        yield Served(child, port)


def test_a_signed_order_is_carried_out_and_everything_else_refused(cluster: ChaosCluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path) as served:
        assert 200 == served.ask("GET", "/readyz").status
        sent = order(manifest=engine(cluster.namespace))
        assert (202, 200) == (served.order(sent).status, served.order(sent, "/any/path").status)
        unsigned = served.ask("POST", "/", b"{}", **{"content-type": "application/json"})
        assert (401, "Unauthenticated") == (unsigned.status, unsigned.json()["title"])
        other = served.ask("POST", "/", b"x", **{"content-type": "text/plain"})
        large = served.ask("POST", "/", b"x" * 1_100_000, **{"content-type": "application/json"})
        assert (415, 413, 405) == (other.status, large.status, served.ask("GET", "/").status)
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_reviews_are_allowed_at_once_and_told_sealed_when_the_portal_is_there(
    cluster: ChaosCluster, tmp_path: Path
) -> None:
    review, json_ = recorded("admission", "deployment-image"), {"content-type": "application/json"}
    cluster.portal.status = 503
    with serving(cluster, tmp_path) as served:
        slowest = 0.0
        for number in range(20):
            started = time.monotonic()
            answer = served.ask("POST", "/admission", altered(review, uid=f"r-{number}"), **json_)
            slowest = max(slowest, time.monotonic() - started)
            assert {"uid": f"r-{number}", "allowed": True} == answer.json()["response"]
        assert slowest < 1.0
        dry = served.ask("POST", "/admission", altered(review, dryRun=True), **json_)
        other = served.ask("POST", "/admission", b"{}", **json_)
        assert (200, 400, 415) == (dry.status, other.status, served.ask("POST", "/admission", b"x").status)
        assert [] == cluster.portal.changes
        cluster.portal.status = 200
        until(lambda: b"r-19" in b"".join(cluster.portal.changes))
        wire = b"".join(cluster.portal.changes)
        assert [True] * 20 == [f'"r-{number}"'.encode() in wire for number in range(20)]
        assert b"nginx" not in wire
        until(lambda: 'litmus_gitops_forwarded_total{outcome="told"} 20' in served.ask("GET", "/metrics").data.decode())
        counted = served.ask("GET", "/metrics").data.decode()
        assert 'litmus_gitops_reviews_total{outcome="kept"} 20' in counted
        assert 'litmus_gitops_reviews_total{outcome="dry_run"} 1' in counted


def test_the_work_goes_on_in_the_one_process_that_serves(cluster: ChaosCluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path):
        until(lambda: cluster.portal.heartbeats)
        started, before = time.monotonic(), len(cluster.portal.heartbeats)
        until(lambda: len(cluster.portal.heartbeats) >= before + 6)
        assert time.monotonic() - started > 2.0


def test_killed_and_started_anew_it_carries_its_orders_out_once(cluster: ChaosCluster, tmp_path: Path) -> None:
    sent = order(manifest=engine(cluster.namespace))
    with serving(cluster, tmp_path) as served:
        served.order(sent)
        until(lambda: cluster.created(ENGINES))
        served.child.kill()
    assert "completed" not in cluster.portal.states(sent.order)
    with serving(cluster, tmp_path):
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert 1 == len(cluster.created(ENGINES))


def test_a_missing_setting_is_named_when_it_starts(tmp_path: Path) -> None:
    source = str(ROOT / "functions" / "subscriber" / "main.py")
    arguments = ["-m", "functions_framework", "--target", "subscriber", "--source", source, "--port", str(free_port())]
    with (
        Child("the subscriber", arguments, {"CLUSTER_ID": ""}, tmp_path / "log") as child,
        pytest.raises(RuntimeError, match="the setting CLUSTER_ID is missing"),
    ):
        child.wait_until_ready("http://127.0.0.1:9/readyz")
