"""The API server calls the Service by TLS with the certificate that was made for it, also while that is renewed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

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
def serving(folder: Path, tls: Path) -> Iterator[tuple[int, Path]]:
    """Serve a function that keeps what it is asked, as the image serves the subscriber."""
    (folder / "main.py").write_text(FUNCTION)
    port, seen = free_port(), folder / "seen"
    seen.touch()
    told = {"HOST": "127.0.0.1", "PORT": str(port), "TLS_FOLDER": str(tls), "SEEN": str(seen)}
    told |= {"FUNCTION_SOURCE": str(folder / "main.py")}
    words = ["-m", "gunicorn", "--config", str(BASE / "serving.py")]
    with Child("the function", words, told, folder / "log"):
        yield port, seen


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
    with serving(tmp_path, tls) as (port, seen):
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
