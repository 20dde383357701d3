"""The subscriber as its own cluster's admission webhook, registered on a real API server by URL."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from operator import methodcaller
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import urllib3

from infra.demo import manifests
from infra.demo.certificates import make_certificates
from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.demo.tls import TlsFront
from shared.model.changes import Changed
from shared.model.orders import Guard, Target
from shared.rules.digests import sealing_key
from shared.rules.guards import Proved, prove
from shared.wire.standard_webhooks import key_of
from tests.real.apiserver import RealApiServer
from tests.real.people import Person, Workload, of_pods
from tests.real.portals import LocalPortal, growth
from tests.real.stories import Row, apply_anew, ignored, triggered
from tests.real.waiting import eventually

NAMESPACE, CLUSTER = "shop", "inside"
ROOT = Path(__file__).parents[2]
WATCHED = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": manifests.WORKFLOW_ID}
IMAGE, REPLICAS, ENV = "spec.template.spec.containers[0].image", "spec.replicas", "spec.template.spec.containers[0].env"
set_image = methodcaller("set_image", "till:2")
set_env = methodcaller(
    "patch", of_pods({"containers": [{"name": "till", "image": "till:2", "env": [{"name": "A", "value": "b"}]}]})
)


class Inside:
    """A real API server, the subscriber that it asks, behind TLS, and the portal that hears of it."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self.portal = exits.enter_context(LocalPortal(folder))
        self.portal.open_project({"web.yaml": manifests.EXPERIMENT})
        self.server = exits.enter_context(RealApiServer())
        self.admin = Person(self.server)
        self.secret = self.portal.register(CLUSTER)["subscriber_secret"]
        self.log = folder / "subscriber.log"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.certificates = make_certificates(folder / "inside-tls")
        self.front = exits.enter_context(TlsFront(self.port, self.certificates))
        self.admin.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        exits.callback(self.stop)
        self.start()
        self._register()

    def start(self) -> None:
        """Start the subscriber; it looks for lost changes as it starts, and not again."""
        told = {"CLUSTER_ID": CLUSTER, "PORTAL_URL": self.portal.base, "SUBSCRIBER_SECRET": self.secret}
        told |= {"SUBSCRIBER_NAMESPACE": NAMESPACE, "KUBECONFIG": str(self.server.kubeconfig), "POLL": "false"}
        told |= {"PORT": str(self.port), "LOOKOUT_SECONDS": "3600", "HEARTBEAT_SECONDS": "1"}
        words = ["-m", "functions_framework", "--target", "subscriber", "--host", "127.0.0.1"]
        words += ["--source", str(ROOT / "functions" / "subscriber" / "main.py")]
        self._child = Child("the subscriber", words, told, self.log)
        self._child.__enter__().wait_until_ready(f"{self.base}/healthz")

    def stop(self) -> None:
        """End the subscriber."""
        self._child.stop()

    def metrics(self) -> str:
        """Return what the subscriber counts."""
        return urllib3.request("GET", f"{self.base}/metrics", retries=False).data.decode()

    def workload(self, kind: str = "Deployment") -> Workload:
        return Workload(self.admin, kind, NAMESPACE, f"till-{uuid4().hex[:8]}", {}, WATCHED)

    def rows(self, one: Workload) -> list[Row]:
        """Return what the ledger has of it, oldest first."""
        return [_row(row) for row in self.portal.rows("/events", kind="change", workload=one.subject)]

    def awaited(self, one: Workload, *expected: Row) -> None:
        eventually(lambda: len(self.rows(one)) >= len(expected), f"{len(expected)} rows of {one.subject}")
        assert list(expected) == self.rows(one)

    def _register(self) -> None:
        authority = b64encode(self.certificates.ca.read_bytes()).decode()
        hook = manifests.webhook(f"{self.front.url}/admission", authority)
        del hook["webhooks"][0]["namespaceSelector"]
        self.admin.call("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", hook)
        grown = growth(self.metrics, "litmus_gitops_reviews_total")
        probe = Workload(self.admin, "Deployment", NAMESPACE, "probe")
        eventually(lambda: bool(probe.create(dryRun="All") and grown()), "the webhook is called")


def _row(row: dict[str, object]) -> Row:
    detail = row["detail"]
    assert isinstance(detail, dict)
    fields = tuple(path for path in detail["changed"] if not path.startswith("metadata."))
    return str(row["verdict"]), detail["rule"], fields if row["verdict"] == "triggered" else ()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with ExitStack() as exits:
        yield Inside(tmp_path_factory.mktemp("inside"), exits)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_what_people_do_is_judged_through_the_subscriber_as_it_is_directly(inside: Inside, kind: str) -> None:
    one = inside.workload(kind)
    acts: list[tuple[Callable[[Workload], object], Row]] = [
        (Workload.create, ignored("create")),
        (set_image, triggered(IMAGE)),
        (set_env, triggered(ENV)),
        (methodcaller("annotate", team="a"), ignored("metadata only")),
        (Workload.delete, ignored("deleted")),
    ]
    if kind != "DaemonSet":
        acts[2:2] = [(methodcaller("scale", 3), triggered(REPLICAS))]
    for number, (act, _) in enumerate(acts, 1):
        act(one)
        inside.awaited(one, *(row for _, row in acts[:number]))
    assert {"admission"} == {row["detail"]["source"] for row in inside.portal.rows("/events", workload=one.subject)}


def test_what_triggered_is_proved_by_the_live_object(inside: Inside) -> None:
    one = inside.workload()
    one.create()
    set_image(one)
    inside.awaited(one, ignored("create"), triggered(IMAGE))
    [*_, row] = inside.portal.rows("/events", kind="change", workload=one.subject)
    told = row["detail"]["trigger"]
    guard = Guard(
        Target("Deployment", NAMESPACE, one.name), told["uid"], msgspec.convert(told["changed"], tuple[Changed, ...])
    )
    key, path = sealing_key(key_of(inside.secret)), f"{one.collection}/{one.name}"
    assert Proved() == prove(inside.admin.call("GET", path), guard, key)
    one.set_image("till:3")
    assert Proved() != prove(inside.admin.call("GET", path), guard, key)


def test_a_portal_that_is_away_delays_nobody_and_hears_of_it_once(inside: Inside) -> None:
    one = inside.workload()
    one.create()
    inside.awaited(one, ignored("create"))
    inside.portal.stop()
    started = time.monotonic()
    set_image(one)
    assert time.monotonic() - started < 1.0
    inside.portal.start()
    inside.awaited(one, ignored("create"), triggered(IMAGE))
    set_env(one)
    inside.awaited(one, ignored("create"), triggered(IMAGE), triggered(ENV))


def test_a_subscriber_that_is_down_delays_nobody_and_finds_what_it_missed(inside: Inside) -> None:
    one = inside.workload()
    one.create()
    inside.awaited(one, ignored("create"))
    inside.stop()
    started = time.monotonic()
    set_image(one)
    assert time.monotonic() - started < 4.0
    inside.start()
    inside.awaited(one, ignored("create"), triggered(IMAGE))
    [*_, row] = inside.portal.rows("/events", kind="change", workload=one.subject)
    assert "heartbeat" == row["detail"]["source"]


def test_applying_what_is_there_is_no_change(inside: Inside) -> None:
    one = inside.workload()
    one.create()
    apply_anew(one)
    inside.awaited(one, ignored("create"), ignored("no change"))
