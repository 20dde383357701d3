"""What the subscriber's watches ask of a real API server, over TLS."""

from __future__ import annotations

import threading
import time

from shared.clients.kubernetes import open_kubernetes
from tests.real.apiserver import RealApiServer

MAPS = "v1/configmaps"


def config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"long": "x" * 1000}}


def test_a_watch_is_told_metadata_alone_and_of_one_name_if_it_asks_for_one(
    real_api: RealApiServer, namespace: str
) -> None:
    api = open_kubernetes(str(real_api.kubeconfig))
    for name in ("mine", "another"):
        api.create(MAPS, namespace, config_map(name))
    found = iter(api.watch(MAPS, namespace, timeout=20, name="mine"))
    first = next(found)
    api.patch(MAPS, namespace, "another", {"data": {"long": None}})
    api.patch(MAPS, namespace, "mine", {"data": {"long": None}})
    second = next(found)
    for seen in (first, second):
        assert ("mine", False) == (seen["metadata"]["name"], "data" in seen)
    assert first["metadata"]["resourceVersion"] != second["metadata"]["resourceVersion"]


def test_a_watch_that_waits_is_closed_from_another_thread(real_api: RealApiServer, namespace: str) -> None:
    watching = open_kubernetes(str(real_api.kubeconfig)).watch(MAPS, namespace, "for=nobody", timeout=60)
    thread = threading.Thread(target=lambda: list(watching))
    thread.start()
    time.sleep(1.0)
    began = time.monotonic()
    watching.close()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1
