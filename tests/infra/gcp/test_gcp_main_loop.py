"""The whole main loop on PostgreSQL and Pub/Sub, through the entries of Cloud Run functions and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.opening import open_wakeful
from shared.model.messages import Depth
from tests import postgresql
from tests.gitserver import GitServer, git
from tests.google import GoogleServer
from tests.infra.gcp.cloud import Functions, GoogleCloud, GoogleStory, furnished
from tests.infra.loop import WORKFLOW_ID
from tests.infra.outside import LOGIN
from tests.infra.stores import on_server

pytestmark = postgresql.needs_server()
FAULT = {"name": "pod-delete", "verdict": "Pass", "probe_success_percentage": 75, "weight": 10, "measured": True}


@pytest.fixture
def story(tmp_path: Path, google: GoogleServer) -> Iterator[GoogleStory]:
    environment = furnished(tmp_path, on_server(tmp_path), google)
    (tmp_path / "repositories").mkdir()
    with GitServer(tmp_path / "repositories", login=LOGIN) as server:
        server.create()
        yield GoogleStory(GoogleCloud(environment, Functions(environment, google)), server, server.clone())
    open_wakeful(environment["STORE_URL"]).close()


def test_from_a_push_to_the_score_on_its_commit_though_each_wake_up_comes_twice(story: GoogleStory) -> None:
    cloud = story.cloud
    cloud.times = 2
    story.begin()
    commit = story.push()
    assert 202 == story.deliver(commit)[0]
    cloud.work()
    [experiment] = cloud.rows("experiments")
    assert (WORKFLOW_ID, "synced", commit) == (experiment["id"], experiment["state"], experiment["commit"])

    for review in ("deployment-create", "deployment-image"):
        status, answer = story.review(review)
        assert (200, True) == (status, answer["response"]["allowed"])
    cloud.work()
    [order] = story.orders()
    assert (WORKFLOW_ID, "run") == (order["experiment"], order["action"])

    for state in ("running", "completed"):
        story.report(order["order"], state, verdict="Pass", phase="Succeeded", faults=[FAULT])
    cloud.work()
    [run] = cloud.rows("runs")
    assert ("completed", "Pass", 75.0) == (run["state"], run["verdict"], run["score"])
    assert "75" in git("notes", "--ref", "litmus", "show", commit, cwd=story.server.root / "chaos.git")
    assert Depth(0, 0, 0, 0) == open_wakeful(cloud.environment["STORE_URL"]).depth()


def test_a_push_that_nobody_told_of_is_found_by_the_timer(story: GoogleStory) -> None:
    story.begin()
    story.cloud.work()
    commit = story.push()
    story.cloud.tick()
    story.cloud.work()
    assert [("synced", commit)] == [(one["state"], one["commit"]) for one in story.cloud.rows("experiments")]
