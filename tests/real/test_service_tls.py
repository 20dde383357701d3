"""The API server calls the Service by TLS with the certificate that was made for it, also while that is renewed."""

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.kubernetes.applying import WEBHOOKS, apply, renew, served, webhook_of
from infra.kubernetes.objects import BASE
from infra.kubernetes.options import CONFIGURATION, NAME, Options
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.infra.kubernetes.mounting import mount
from tests.real.apiserver import RealApiServer
from tests.real.people import Person, Workload
from tests.real.portals import growth
from tests.real.waiting import eventually

SYSTEM = "litmus-gitops"
ON = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "till-outage"}
FUNCTION = """
import os
from shared.wire.admission import allow, read_review


def subscriber(request):
    review = read_review(request.get_data())
    with open(os.environ["SEEN"], "a") as seen:
        print(request.path, review.operation, file=seen)
    return allow(review.uid)
"""


@contextmanager
def serving(folder: Path, tls: Path, port: int, clients: str = "") -> Iterator[Path]:
    """Serve a function that keeps what it is asked, as the image serves the subscriber; yield where it keeps that."""
    (folder / "main.py").write_text(FUNCTION)
    seen = folder / "seen"
    seen.touch()
    told = {"HOST": "127.0.0.1", "PORT": str(port), "TLS_FOLDER": str(tls), "SEEN": str(seen)}
    told |= {"FUNCTION_SOURCE": str(folder / "main.py"), "CLIENT_CA": clients}
    words = ["-m", "gunicorn", "--config", str(BASE / "serving.py")]
    with Child("the function", words, told, folder / "log"):
        yield seen


def lead_to(api: Kubernetes, port: int) -> None:
    """Have the Service lead to this machine, since there are no pods: the name that is called stays the Service's."""
    api.delete("v1/services", SYSTEM, NAME)
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    api.create("v1/services", SYSTEM, {"metadata": {"name": NAME}, "spec": spec})
    live: Any = webhook_of(api)
    for entry in live["webhooks"]:
        entry["clientConfig"]["service"]["port"] = port
    api.replace(WEBHOOKS, "", CONFIGURATION, live)


@pytest.fixture
def api(real_api: RealApiServer) -> Iterator[Kubernetes]:
    found = open_kubernetes(str(real_api.kubeconfig))
    yield found
    found.delete(WEBHOOKS, "", CONFIGURATION)
    found.delete("v1/services", SYSTEM, NAME)


def test_the_certificate_is_trusted_before_while_and_after_it_is_renewed(
    api: Kubernetes, real_api: RealApiServer, namespace: str, tmp_path: Path
) -> None:
    person, tls = Person(real_api), tmp_path / "tls"
    one = Workload(person, "Deployment", namespace, "till", annotations=ON)
    apply(api, Options(cluster="c1"))
    mount(tls, served(api, SYSTEM) or pytest.fail("there is no certificate"))
    port = free_port()
    with serving(tmp_path, tls, port) as seen:
        lead_to(api, port)

        def told(act: Callable[[], object]) -> bool:
            before = len(seen.read_text().splitlines())
            act()
            return len(seen.read_text().splitlines()) > before

        images = count(2)

        def change() -> bool:
            return told(lambda: one.set_image(f"till:{next(images)}"))

        one.create()
        eventually(change, "the Service is called")
        opened = growth(lambda: person.text("/metrics"), "apiserver_admission_webhook_fail_open_count")
        for _ in range(3):
            new = renew(api, SYSTEM, force=True) or pytest.fail("no certificate was made")
            assert change()
            mount(tls, new)
            assert change()
        assert 0 == opened()
    assert {"/admission"} == {line.partition(" ")[0] for line in seen.read_text().splitlines()}


def presenting(folder: Path, port: int) -> Path:
    """Return the API server's admission configuration by which it shows the Service a certificate."""
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=kube-apiserver", "-keyout", str(folder / "client.key"), "-out", str(folder / "client.crt")]
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    shown = {"client-certificate": str(folder / "client.crt"), "client-key": str(folder / "client.key")}
    users = [{"name": f"{NAME}.{SYSTEM}.svc:{port}", "user": shown}]
    (folder / "clients.json").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": users}))
    version = "apiserver.config.k8s.io/v1"
    inner = {"apiVersion": version, "kind": "WebhookAdmissionConfiguration"}
    inner |= {"kubeConfigFile": str(folder / "clients.json")}
    plugin = {"name": "ValidatingAdmissionWebhook", "configuration": inner}
    outer = {"apiVersion": version, "kind": "AdmissionConfiguration", "plugins": [plugin]}
    (folder / "admission.json").write_text(json.dumps(outer))
    return folder / "admission.json"


def status(trust: ssl.SSLContext, port: int) -> int:
    """Return how somebody in the cluster is answered, who sends what is no review."""
    pool = urllib3.PoolManager(ssl_context=trust, server_hostname=f"{NAME}.{SYSTEM}.svc", retries=False, timeout=10)
    return pool.request("POST", f"https://127.0.0.1:{port}/admission", json={}).status


def test_a_subscriber_that_asks_for_certificates_answers_the_api_server_alone(tmp_path: Path) -> None:
    port, tls = free_port(), tmp_path / "tls"
    flag = f"--admission-control-config-file={presenting(tmp_path, port)}"
    with RealApiServer(extra=[flag]) as server:
        api = open_kubernetes(str(server.kubeconfig))
        apply(api, Options(cluster="c1", clients=(tmp_path / "client.crt").read_bytes()))
        there = served(api, SYSTEM) or pytest.fail("there is no certificate")
        mount(tls, there)
        one = Workload(Person(server), "Deployment", "default", "till", annotations=ON)
        with serving(tmp_path, tls, port, str(tmp_path / "client.crt")) as seen:
            lead_to(api, port)

            def heard() -> bool:
                one.create()
                one.delete()
                return bool(seen.read_text())

            eventually(heard, "the API server is answered")
            stranger = ssl.create_default_context(cadata=there.authority.decode())
            with pytest.raises(urllib3.exceptions.HTTPError):
                status(stranger, port)
            stranger.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
            assert 500 == status(stranger, port)
