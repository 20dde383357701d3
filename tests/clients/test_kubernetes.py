import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.demo.kubernetes_api import ApiServer
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from shared.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    LitmusGitopsError,
    Misconfigured,
    NotFound,
    Stale,
    TooLarge,
    Unavailable,
)
from shared.ports.kubernetes import KubernetesApi

MAPS = "v1/configmaps"
DEPLOYMENTS = "apps/v1/deployments"


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer(history=40) as api:
        yield api


@pytest.fixture
def api(server: ApiServer, tmp_path: Path) -> KubernetesApi:
    return open_kubernetes(str(server.kubeconfig(tmp_path / "kubeconfig")))


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"for": name}}, "data": data}


def deployment(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def name() -> str:
    return f"it-{uuid4().hex[:8]}"


def test_an_object_is_created_read_patched_replaced_and_deleted(api: KubernetesApi, name: str) -> None:
    created = api.create(MAPS, "default", config_map(name, a="1"))
    assert created == api.get(MAPS, "default", name)
    api.patch(MAPS, "default", name, {"data": {"a": None, "b": "2"}})
    assert {"b": "2"} == api.get(MAPS, "default", name)["data"]
    replaced = api.get(MAPS, "default", name) | {"data": {"c": "3"}}
    assert {"c": "3"} == api.replace(MAPS, "default", name, replaced)["data"]
    api.delete(MAPS, "default", name)
    api.delete(MAPS, "default", name)
    with pytest.raises(NotFound, match=f'configmaps "{name}" not found'):
        api.get(MAPS, "default", name)


def test_a_taken_name_is_a_conflict_and_an_old_version_is_stale(api: KubernetesApi, name: str) -> None:
    first = api.create(MAPS, "default", config_map(name))
    with pytest.raises(Conflict, match="already exists") as taken:
        api.create(MAPS, "default", config_map(name))
    assert Conflict is type(taken.value)
    api.patch(MAPS, "default", name, {"data": {"a": "1"}})
    with pytest.raises(Stale):
        api.replace(MAPS, "default", name, first)
    condition = {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"a": "2"}}
    with pytest.raises(Stale):
        api.patch(MAPS, "default", name, condition)


def test_apply_creates_and_then_changes_what_it_owns_even_against_others(api: KubernetesApi, name: str) -> None:
    api.apply(MAPS, "default", config_map(name, a="1"))
    api.patch(MAPS, "default", name, {"data": {"a": "theirs"}})
    applied = api.apply(MAPS, "default", config_map(name, a="2"))
    assert {"a": "2"} == applied["data"]
    assert "litmus-gitops" in {one["manager"] for one in applied["metadata"]["managedFields"]}


def test_a_list_gives_each_object_its_kind_and_obeys_the_selector(api: KubernetesApi, name: str) -> None:
    api.create(MAPS, "default", config_map(name))
    api.create(MAPS, "default", config_map(f"{name}-other"))
    found = api.list(MAPS, "default", f"for={name}")
    assert [("ConfigMap", "v1", name)] == [(o["kind"], o["apiVersion"], o["metadata"]["name"]) for o in found]
    assert found == api.list(MAPS, "", f"for={name}")
    assert api.get(MAPS, "default", name) == found[0]


def test_what_is_served_is_known(api: KubernetesApi) -> None:
    assert (True, False, False) == (
        api.serves(DEPLOYMENTS),
        api.serves("litmuschaos.io/v1alpha1/chaosengines"),
        api.serves("apps/v1/unknown"),
    )


class Scripted(BaseHTTPRequestHandler):
    """Answers each path with what the test wrote down, and counts."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: list[tuple[int, bytes]] = []  # noqa: RUF012 - each fixture makes its own subclass

    def do_GET(self) -> None:
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Serve = Callable[[list[tuple[int, bytes]]], Kubernetes]


def kubeconfig(path: Path, url: str) -> str:
    names = {"cluster": "c", "user": "u"}
    parts = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": names}],
    }
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", **parts}))
    return str(path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def start(answers: list[tuple[int, bytes]]) -> Kubernetes:
        handler = type("Answers", (Scripted,), {"answers": answers})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return open_kubernetes(kubeconfig(tmp_path / "scripted", f"http://127.0.0.1:{server.server_port}"))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(400, Invalid, id="bad request"),
        pytest.param(401, Forbidden, id="unauthorized"),
        pytest.param(403, Forbidden, id="forbidden"),
        pytest.param(404, NotFound, id="not found"),
        pytest.param(409, Conflict, id="conflict"),
        pytest.param(410, Gone, id="gone"),
        pytest.param(413, TooLarge, id="too large"),
        pytest.param(422, Invalid, id="invalid"),
        pytest.param(429, Unavailable, id="too many requests"),
        pytest.param(500, Unavailable, id="internal error"),
        pytest.param(504, Unavailable, id="timeout"),
    ],
)
def test_a_refusal_is_an_error_of_ours_with_the_server_s_words(
    serve: Serve, status: int, expected: type[LitmusGitopsError]
) -> None:
    api = serve([(status, json.dumps({"kind": "Status", "message": "because"}).encode())])
    with pytest.raises(expected, match="because") as refused:
        api.get(MAPS, "default", "x")
    assert expected is type(refused.value)


def test_a_refusal_without_json_still_names_its_status(serve: Serve) -> None:
    with pytest.raises(Unavailable, match="answered 502 for /api/v1/nodes: no reason given"):
        serve([(502, b"<html>")]).list("v1/nodes")


def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    api = open_kubernetes(kubeconfig(tmp_path / "away", "http://127.0.0.1:9"))
    with pytest.raises(Unavailable, match="does not answer"):
        api.get(MAPS, "default", "x")


def page(*names: str, version: str = "1", more: str = "") -> tuple[int, bytes]:
    items = [{"metadata": {"name": one, "resourceVersion": version}} for one in names]
    metadata = {"resourceVersion": version, "continue": more}
    head = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata}
    return 200, json.dumps(head | {"items": items}).encode()


def event(kind: str, name: str = "", version: str = "2") -> bytes:
    obj = {"metadata": {"name": name, "resourceVersion": version}}
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def names(api: Kubernetes, count: int) -> list[str]:
    found = (obj["metadata"]["name"] for obj in api.watch(MAPS, timeout=5))
    return [next(found) for _ in range(count)]


def test_a_long_list_is_read_page_by_page(serve: Serve) -> None:
    api = serve([page("a", "b", more="next"), page("c")])
    assert ["a", "b", "c"] == [obj["metadata"]["name"] for obj in api.list(MAPS)]


@pytest.mark.parametrize(
    "forgotten",
    [
        pytest.param((410, b'{"message": "too old"}'), id="as an answer"),
        pytest.param((200, b'{"type": "ERROR", "object": {"code": 410}}\n'), id="as an event"),
    ],
)
def test_a_watch_whose_past_is_forgotten_lists_anew(serve: Serve, forgotten: tuple[int, bytes]) -> None:
    api = serve([page("a"), (200, event("ADDED", "b")), forgotten, page("c")])
    assert ["a", "b", "c"] == names(api, 3)


def test_a_watch_that_is_cut_off_goes_on_where_it_was(serve: Serve) -> None:
    api = serve([page("a"), (200, event("BOOKMARK", version="5")), (200, event("DELETED", "a"))])
    assert ["a", "a"] == names(api, 2)


def test_a_broken_kubeconfig_is_told_of_at_the_first_request(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{}")
    api = open_kubernetes(str(tmp_path / "broken"))
    with pytest.raises(Misconfigured, match="set KUBECONFIG"):
        api.now()


def test_a_missing_kubeconfig_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="set KUBECONFIG"):
        open_kubernetes(str(tmp_path / "nothing"))
    with pytest.raises(Misconfigured, match="or run inside the cluster"):
        open_kubernetes(None)
