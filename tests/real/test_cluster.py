"""A cluster as it is set up by the command: its API server calls its own subscriber, which tells the portal."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.bundling import bundle
from infra.demo import manifests
from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.kubernetes.applying import WEBHOOKS, apply, served
from infra.kubernetes.objects import BASE
from infra.kubernetes.options import CONFIGURATION, NAME, Options
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.infra.kubernetes.mounting import mount
from tests.real.apiserver import RealApiServer
from tests.real.people import Person, Workload
from tests.real.portals import LocalPortal, growth
from tests.real.test_service_tls import SYSTEM, lead_to
from tests.real.waiting import eventually

ON = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": manifests.WORKFLOW_ID}
FAILED_OPEN = "apiserver_admission_webhook_fail_open_count"
IMAGE, REPLICAS = "spec.template.spec.containers[0].image", "spec.replicas"

Row = tuple[str, str, list[str]]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[LocalPortal]:
    (tmp_path / "portal").mkdir()
    with LocalPortal(tmp_path / "portal") as found:
        found.open_project({"web.yaml": manifests.EXPERIMENT})
        yield found


@pytest.fixture
def api(real_api: RealApiServer) -> Iterator[Kubernetes]:
    found = open_kubernetes(str(real_api.kubeconfig))
    yield found
    found.delete(WEBHOOKS, "", CONFIGURATION)
    found.delete("v1/services", SYSTEM, NAME)


@contextmanager
def pod(folder: Path, portal: LocalPortal, kubeconfig: Path, secret: str) -> Iterator[int]:
    """Run what a pod runs, and yield its port; the certificate is mounted already."""
    app = bundle("subscriber", folder)
    shutil.copyfile(BASE / "serving.py", app / "serving.py")
    port = free_port()
    told = {
        "PYTHONPATH": "",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "TLS_FOLDER": str(folder / "tls"),
        "CLUSTER_ID": "c1",
        "PORTAL_URL": portal.base,
        "SUBSCRIBER_SECRET": secret,
        "KUBECONFIG": str(kubeconfig),
    }
    words = ["-m", "gunicorn", "--config", str(app / "serving.py"), "--chdir", str(app)]
    with Child("the subscriber", words, told, folder / "log"):
        yield port


@dataclass(frozen=True)
class Ledger:
    """What the portal recorded of one workload's changes, oldest first."""

    portal: LocalPortal
    subject: str

    def rows(self) -> list[Row]:
        found = self.portal.rows("/events", kind="change", workload=self.subject)
        told = [(row["verdict"], row["detail"]) for row in found if row["detail"]["source"] == "admission"]
        return [(one["operation"], verdict, one["changed"] if verdict == "triggered" else []) for verdict, one in told]


def test_changes_reach_the_portal_through_the_clusters_own_subscriber(
    api: Kubernetes, portal: LocalPortal, real_api: RealApiServer, namespace: str, tmp_path: Path
) -> None:
    person, secret = Person(real_api), portal.register("c1")["subscriber_secret"]
    apply(api, Options(cluster="c1", secret=secret))
    mount(tmp_path / "tls", served(api, SYSTEM) or pytest.fail("there is no certificate"))
    with pod(tmp_path, portal, real_api.kubeconfig, secret) as port:
        lead_to(api, port)
        probe = Workload(person, "Deployment", namespace, "probe", annotations=ON)

        def heard() -> bool:
            probe.create()
            probe.delete()
            return bool(Ledger(portal, probe.subject).rows())

        eventually(heard, "the subscriber is called and tells of it")
        opened = growth(lambda: person.text("/metrics"), FAILED_OPEN)
        one = Workload(person, "Deployment", namespace, "till", annotations=ON)
        ledger = Ledger(portal, one.subject)
        one.create()
        one.set_image("till:2")
        one.annotate(team="a")
        one.scale(3)
        one.delete()
        expected = [
            ("CREATE", "ignored", []),
            ("UPDATE", "triggered", [IMAGE]),
            ("UPDATE", "triggered", [REPLICAS]),
            ("DELETE", "ignored", []),
        ]
        eventually(lambda: len(ledger.rows()) >= len(expected), "all of it is told")
        assert expected == ledger.rows()
        assert 0 == opened()
