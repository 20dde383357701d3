"""A watch by itself, on streams of the test's own and on the API double."""

import io
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import urllib3

from infra.demo.kubernetes_api import ApiServer
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from shared.clients.watching import Watching
from shared.errors import Unavailable

MAPS = "v1/configmaps"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Kubernetes]:
    with ApiServer() as server:
        yield open_kubernetes(str(server.kubeconfig(tmp_path / "kubeconfig")))


def make(api: Kubernetes, name: str) -> None:
    api.create(MAPS, "default", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})


def test_a_watch_lists_and_then_follows(api: Kubernetes) -> None:
    make(api, "moving")
    seen = []
    for obj in api.watch(MAPS, "default", timeout=5):
        seen.append((obj["metadata"]["name"], obj["metadata"]["resourceVersion"]))
        if len(seen) == 3:
            break
        api.patch(MAPS, "default", "moving", {"data": {"a": str(len(seen))}})
    assert {"moving"} == {name for name, _ in seen}
    assert 3 == len(dict.fromkeys(seen))


def test_a_watch_ends_with_its_time(api: Kubernetes) -> None:
    started = time.monotonic()
    list(api.watch(MAPS, "default", "for=nobody", timeout=0.2))
    assert time.monotonic() - started < 3


def test_a_watch_that_waits_is_closed_from_another_thread(api: Kubernetes) -> None:
    make(api, "there")
    watching = api.watch(MAPS, "default", timeout=60)
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.extend(one["metadata"]["name"] for one in watching))
    thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    watching.close()
    thread.join(10)
    assert (["there"], False) == (seen, thread.is_alive())
    assert time.monotonic() - began < 1


def test_a_watch_that_is_closed_before_it_began_yields_nothing_more_than_the_list(api: Kubernetes) -> None:
    watching = api.watch(MAPS, "default", timeout=60)
    watching.close()
    assert [] == list(watching)


def test_a_watch_of_one_name_sees_no_other(api: Kubernetes) -> None:
    make(api, "mine")
    found = iter(api.watch(MAPS, "default", timeout=5, name="mine"))
    assert "mine" == next(found)["metadata"]["name"]
    make(api, "another")
    api.patch(MAPS, "default", "mine", {"data": {"a": "1"}})
    assert "mine" == next(found)["metadata"]["name"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="hangs up"),
        pytest.param(b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}\n', id="an error each time"),
        pytest.param(b'{"type": "ADDED", "obj', id="breaks off in the middle"),
    ],
)
def test_a_server_that_ends_every_watch_at_once_is_asked_more_and_more_rarely(body: bytes) -> None:
    asked: list[float] = []

    def opened(*_: object) -> urllib3.BaseHTTPResponse:
        asked.append(time.monotonic())
        return urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)

    assert [] == list(Watching(lambda: ([], "1"), opened, 1.0))
    pauses = [later - sooner for sooner, later in pairwise(asked)]
    assert 2 <= len(asked) <= 3, "a machine under load has time for fewer"
    assert sorted(pauses) == pauses


def test_a_server_that_is_away_for_a_moment_is_asked_for_what_came_since_and_then_given_up() -> None:
    event = b'{"type": "ADDED", "object": {"metadata": {"name": "b", "resourceVersion": "7"}}}\n'
    answers = [b"", None, None, event, None, None, None, None]
    asked: list[str] = []

    def opened(version: str, _seconds: float) -> urllib3.BaseHTTPResponse:
        body = answers[len(asked)]
        asked.append(version)
        if body is None:
            raise Unavailable("away")
        return urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)

    found = iter(Watching(lambda: ([], "1"), opened, 60.0))
    assert "b" == next(found)["metadata"]["name"]
    with pytest.raises(Unavailable, match="away"):
        next(found)
    assert ["1", "1", "1", "1", "7", "7", "7", "7"] == asked
