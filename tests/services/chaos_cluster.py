"""A cluster on loopback that is ready for chaos, and a portal that listens to its subscriber."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from shared.clients.ids import new_id
from shared.clients.kubernetes import Kubernetes
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.errors import NotFound
from shared.model.calls import Answer, Call
from shared.model.changes import Changed
from shared.model.heartbeats import Heartbeat
from shared.model.orders import Guard, Order, Target
from shared.model.runs import Report
from shared.rules.digests import digest
from shared.services.subscriber.desk import Pace
from shared.services.subscriber.service import Options, Subscriber, assemble
from shared.wire.orders import signed, write_order
from shared.wire.reports import read_report
from shared.wire.standard_webhooks import key_of, sign, verify

T = TypeVar("T")
CLUSTER = "staging"
SYSTEM = "litmus-gitops"
SECRET = "whsec_c3Vic2NyaWJlci1rZXktb2YtdGhlLXRlc3RzLTAwMQ=="
KEY = key_of(SECRET)
WORKFLOWS = "argoproj.io/v1alpha1/workflows"
CRON_WORKFLOWS = "argoproj.io/v1alpha1/cronworkflows"
ENGINES = "litmuschaos.io/v1alpha1/chaosengines"
EXPERIMENTS = "litmuschaos.io/v1alpha1/chaosexperiments"
DEPLOYMENTS = "apps/v1/deployments"
IMAGE = "spec.template.spec.containers[0].image"
QUICK = Pace(look=0.05, gap=0.05, soon=0.05, attention=0.1, stuck=0.3, grace=1.0, chatter=0.2, keep=3600.0)


def until(look: Callable[[], T], seconds: float = 15.0) -> T:
    """What is found as soon as it is something; the last that was found stands in the failure."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


class PortalStand:
    """Takes signed reports and gives orders out, as the portal does, and answers `status` to whatever comes."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.traces: list[tuple[str, str]] = []
        self.heartbeats: list[Heartbeat] = []
        self.changes: list[bytes] = []
        self.orders: list[Order] = []
        self.status = 200
        self.asked = 0
        self.refused = 0
        self.answers = ""
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._answer(
                    stand.receive(self.path, self._headers(), self.rfile.read(int(self.headers["Content-Length"])))
                )

            def do_GET(self) -> None:
                status, body, headers = stand.give(self.path, self._headers())
                self._answer((status, body), headers)

            def _headers(self) -> dict[str, str]:
                return {name.lower(): value for name, value in self.headers.items()}

            def _answer(self, answer: tuple[int, bytes], headers: Mapping[str, str] = MappingProxyType({})) -> None:
                self.send_response(answer[0])
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def receive(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        verify([KEY], headers, body, time.time())
        if f"/changes/{CLUSTER}" == path:
            self.changes.append(body)
            return self.status, b"{}"
        assert f"/reports/{CLUSTER}" == path
        if self.status == 200:
            found = read_report(body)
            if isinstance(found, Report):
                self.traces.append((found.run, headers["traceparent"]))
            (self.reports if isinstance(found, Report) else self.heartbeats).append(found)  # type: ignore[arg-type]
        self.refused += self.status != 200
        return self.status, b'{"plain": []}'

    def give(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        asked = verify([KEY], headers, b"", time.time())
        assert f"/orders/{CLUSTER}" == urlsplit(path).path
        self.asked += 1
        time.sleep(0.05)
        items = [msgspec.Raw(write_order(order)) for order in self.orders]
        body = msgspec.json.encode({"items": items})
        return self.status, body, sign(KEY, self.answers or asked, int(time.time()), body)

    def of(self, order: str) -> list[Report]:
        return [report for report in self.reports if report.run == order]

    def scheduled(self, experiment: str) -> set[str]:
        """The runs of an experiment that were reported without an order."""
        return {one.run for one in self.reports if one.order is None and one.experiment == experiment}

    def states(self, order: str) -> list[str]:
        return list(dict.fromkeys(report.state for report in self.of(order)))

    def last(self, order: str, state: str) -> Report:
        """The order's report of this state, as soon as it is there."""
        return until(lambda: next((one for one in self.of(order) if one.state == state), None)) or Report(
            None, "", "error", ""
        )

    @contextmanager
    def open(self) -> Iterator[PortalStand]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


@dataclass
class ChaosCluster:
    """A namespace of its own in the shared API double for each test, with what a run needs."""

    api: Kubernetes
    kubeconfig: Path
    namespace: str
    portal: PortalStand
    started: list[Subscriber] = field(default_factory=list)

    def subscriber(self, **changes: Any) -> Subscriber:
        """A new subscriber, as after a restart; it is stopped with the test."""
        options = Options(
            cluster=CLUSTER,
            secrets=(SECRET,),
            namespace=self.namespace,
            chaos_namespace=self.namespace,
            pace=QUICK,
            first_pause=0.1,
        )
        options = Options(**({name: getattr(options, name) for name in Options.__dataclass_fields__} | changes))
        made = assemble(self.api, HttpPortal(self.portal.url), options, utc_now, new_id)
        self.started.append(made)
        return made

    def deploy(self, name: str = "web", image: str = "app:1", replicas: int = 2) -> dict[str, Any]:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
        return self.api.create(DEPLOYMENTS, self.namespace, body)

    def set_image(self, image: str, name: str = "web") -> dict[str, Any]:
        spec = {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}
        return self.api.patch(DEPLOYMENTS, self.namespace, name, {"spec": spec})

    def guard(self, uid: str, image: str, wait: str = "10m", name: str = "web") -> Guard:
        return Guard(Target("Deployment", self.namespace, name), uid, (Changed(IMAGE, digest(image)),), wait)

    def created(self, resource: str) -> list[dict[str, Any]]:
        return self.api.list(resource, self.namespace)

    def record(self, order: str) -> dict[str, Any] | None:
        try:
            return self.api.get("v1/configmaps", self.namespace, order.lower())
        except NotFound:
            return None


def later(seconds: float = 3600.0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def order(action: Any = "run", manifest: str | None = None, **changes: Any) -> Order:
    given = {
        "order": f"{new_id()}-0123456789ab",
        "project": "shop",
        "experiment": "web-pod-delete",
        "action": action,
        "not_after": later(),
        "manifest": manifest,
        "digest": None if manifest is None else hashlib.sha256(manifest.encode()).hexdigest(),
        "parameters": {"infra_id": CLUSTER, "revision": "c0ffee"},
    }
    return Order(**(given | changes))


def call(sent: Order, key: bytes = KEY, at: float | None = None) -> Call:
    headers, body = signed(sent, key, time.time() if at is None else at)
    return Call("POST", "/", headers=headers, body=body)


def send(subscriber: Subscriber, sent: Order) -> Answer:
    return subscriber.take(call(sent))
