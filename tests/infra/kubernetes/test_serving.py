"""The image's way of serving: the real subscriber under gunicorn, by TLS, while its certificate is rotated."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.bundling import FUNCTIONS
from infra.demo.kubernetes_api.server import ApiServer
from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.kubernetes.certificates import Pair, make
from infra.kubernetes.issuing import names_of
from infra.kubernetes.objects import BASE
from tests.infra.kubernetes.mounting import mount
from tests.services.chaos_cluster import CLUSTER, SECRET, PortalStand

NAMESPACE = "litmus-gitops"
SECONDS, ANSWER = 60.0, 5.0
"""How long something may take to come, and one call to be answered."""


class Caller(http.client.HTTPSConnection):
    """Calls as the API server does: by the Service's name, trusting one authority."""

    def __init__(self, port: int, authority: bytes) -> None:
        super().__init__("127.0.0.1", port, timeout=ANSWER)
        self._trust = ssl.create_default_context(cadata=authority.decode())

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=names_of(NAMESPACE)[0])

    def get(self, path: str) -> int:
        self.request("GET", path)
        answer = self.getresponse()
        answer.read()
        return answer.status


def called(port: int, authority: bytes, path: str = "/healthz") -> int:
    with closing(Caller(port, authority)) as caller:
        return caller.get(path)


def accepted(port: int, authority: bytes) -> bool:
    with suppress(OSError, ssl.SSLError):
        return called(port, authority) == 200
    return False


@contextmanager
def serving(folder: Path, tls: Path, portal: PortalStand) -> Iterator[int]:
    """Run what the image runs, from its sources."""
    with ApiServer() as api:
        port = free_port()
        environment = {
            "FUNCTION_TARGET": "subscriber",
            "FUNCTION_SOURCE": str(FUNCTIONS / "subscriber" / "main.py"),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "TLS_FOLDER": str(tls),
            "CLUSTER_ID": CLUSTER,
            "PORTAL_URL": portal.url,
            "SUBSCRIBER_SECRET": SECRET,
            "POLL": "false",
            "HEARTBEAT_SECONDS": "0.5",
            "SUBSCRIBER_NAMESPACE": "default",
            "KUBECONFIG": str(api.kubeconfig(folder / "kubeconfig")),
        }
        words = ["-m", "gunicorn", "--config", str(BASE / "serving.py")]
        with Child("the subscriber", words, environment, folder / "log") as child:
            yield port
            assert "Traceback" not in child.printed()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_subscriber_works_and_serves_tls_and_takes_up_a_rotated_certificate(tmp_path: Path) -> None:
    first, second = (make(NAMESPACE, datetime.now(UTC), 30) for _ in range(2))
    tls = tmp_path / "tls"
    mount(tls, first)
    with PortalStand().open() as portal, serving(tmp_path, tls, portal) as port:
        until(lambda: accepted(port, first.authority))
        until(lambda: bool(portal.heartbeats))
        assert 200 == called(port, first.authority, "/readyz")
        with closing(Caller(port, first.authority)) as kept:
            assert 200 == kept.get("/healthz")
            mount(tls, second)
            assert 200 == called(port, second.authority)
            with pytest.raises(ssl.SSLCertVerificationError):
                called(port, first.authority)
            assert 200 == kept.get("/healthz")
        mount(tls, Pair(first.authority, first.certificate, second.key))
        assert 200 == called(port, second.authority)
        mount(tls, first)
        assert 200 == called(port, first.authority)
