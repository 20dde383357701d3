"""Litmus' own event tracker: its word starts a run within all rules of safety, and all else goes to the ChaosCenter."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.clients.center import LIMIT, ChaosCenter
from shared.clients.ids import new_id
from shared.errors import NotFound, Unavailable
from shared.model.calls import Answer, Call
from shared.model.projects import Freeze, Safety
from shared.rules.keys import ACCESS_KEY, token
from shared.services.notifying import Notifying
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import Stage

MUTATION = """mutation {
  gitopsNotifier(clusterInfo: {infraID: "%s", version: "3.31.0", accessKey: "%s"}, experimentID: "%s")
}"""


class Center:
    """A ChaosCenter that says back what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.status, self.answer = 200, b'{"data":{"version":"3.31.0"}}'
        center = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                center.told.append({name.lower(): value for name, value in self.headers.items()})
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(center.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(center.answer)))
                self.end_headers()
                self.wfile.write(center.answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/query"


@pytest.fixture
def center() -> Iterator[Center]:
    made = Center()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def notify(stage: Stage, experiment: str = "kill", cluster: str = "c1", key: str | None = None) -> Any:
    """Say what a tracker says, and return what it is answered."""
    given = token(MASTER, ACCESS_KEY, cluster, 1) if key is None else key
    return say(stage, {"query": MUTATION % (cluster, given, experiment)}).body


def say(stage: Stage, body: object, center: ChaosCenter | None = None) -> Answer:
    notifying = Notifying(stage.store, stage.dispatching, stage.clock, new_id, MASTER, center)
    headers = {"content-type": "application/json", "authorization": "Bearer t", "cookie": "c"}
    return notifying.receive(Call("POST", "/api/query", headers=headers, body=json.dumps(body).encode()))


def test_a_notification_starts_a_run_on_its_cluster(stage: Stage) -> None:
    told = notify(stage)["data"]["gitopsNotifier"]
    stage.pump()
    [run] = stage.runs()
    assert ("c1", "kill", "change") == (run.cluster, run.experiment, run.cause)
    assert f"run {run.id} of kill on cluster c1" == told
    [row] = stage.rows("delivery")
    assert ("accepted", "event tracker") == (row.verdict, row.detail["speaker"])


def test_a_repeated_notification_starts_nothing_within_the_cooldown(stage: Stage) -> None:
    stage.settle(Safety(cooldown="30m"))
    notify(stage)
    assert "cooldown" in notify(stage)["errors"][0]["message"]
    stage.clock.advance(31 * 60)
    assert "data" in notify(stage)
    assert ["accepted", "refused", "accepted"] == stage.verdicts("delivery")
    assert 2 == len(stage.runs())


def test_a_refused_start_gives_the_cooldown_back(stage: Stage) -> None:
    stage.settle(Safety(cooldown="30m"), freeze=Freeze("release", "owner", "2026-01-01T00:00:00.000Z"))
    assert "freeze" in notify(stage)["errors"][0]["message"]
    stage.settle(Safety(cooldown="30m"))
    assert "run " in notify(stage)["data"]["gitopsNotifier"]


@pytest.mark.parametrize(
    ("gitops", "says"),
    [
        pytest.param({"mode": "observe"}, "mode: nothing starts", id="observing"),
        pytest.param({"enabled": False}, "GitOps is off", id="off"),
    ],
)
def test_a_project_that_starts_nothing_says_so(stage: Stage, gitops: dict[str, Any], says: str) -> None:
    stage.settle(Safety(cooldown="0s"), gitops=gitops)
    assert says in notify(stage)["errors"][0]["message"]
    assert [] == stage.runs()


def test_an_unknown_experiment_is_named(stage: Stage) -> None:
    assert "no experiment 'none'" in notify(stage, "none")["errors"][0]["message"]


@pytest.mark.parametrize(
    ("cluster", "key"),
    [
        pytest.param("c1", "wrong", id="a wrong key"),
        pytest.param("c9", None, id="an unknown cluster"),
        pytest.param("c1", token(MASTER, "admission", "c1", 1), id="a key for something else"),
    ],
)
def test_only_the_clusters_own_tracker_is_heard(stage: Stage, cluster: str, key: str | None) -> None:
    said = notify(stage, cluster=cluster, key=key)
    assert "ACCESS_DENIED" in said["errors"][0]["message"]
    assert ([], []) == (stage.runs(), stage.rows("delivery"))


def test_all_else_goes_to_the_chaos_center_unchanged(stage: Stage, center: Center) -> None:
    answer = say(stage, {"query": "query { getServerVersion { value } }"}, ChaosCenter(center.url))
    assert (200, center.answer, {"content-type": "application/json"}) == (answer.status, answer.body, answer.headers)
    assert "Bearer t" == center.told[0]["authorization"]
    assert "cookie" not in center.told[0]


def test_a_refusal_of_the_chaos_center_is_passed_on(stage: Stage, center: Center) -> None:
    center.status = 403
    assert 403 == say(stage, {"query": "{ a }"}, ChaosCenter(center.url)).status


def test_an_answer_without_end_is_not_passed_on(stage: Stage, center: Center) -> None:
    center.answer = bytes(LIMIT + 1)
    with pytest.raises(Unavailable, match="over"):
        say(stage, {"query": "{ a }"}, ChaosCenter(center.url))


def test_without_a_chaos_center_only_notifications_are_answered(stage: Stage) -> None:
    with pytest.raises(NotFound, match="CHAOSCENTER_URL"):
        say(stage, {"query": "{ a }"})


def test_a_chaos_center_that_is_away_is_unavailable(stage: Stage) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        say(stage, {"query": "{ a }"}, ChaosCenter("http://127.0.0.1:9/query"))
