"""The whole main loop on DynamoDB and SQS, through Lambda's handlers and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.opening import open_queue
from shared.model.messages import Depth
from tests.gitserver import GitServer, git
from tests.infra.aws.cloud import Cloud, InProcess, furnished
from tests.infra.aws.story import LOGIN, Story
from tests.infra.loop import WORKFLOW_ID

FAULT = {"name": "pod-delete", "verdict": "Pass", "probe_success_percentage": 75, "weight": 10, "measured": True}


@pytest.fixture
def story(lambda_environment: Path) -> Iterator[Story]:
    """A project on its own table, whose repository has nothing in it yet."""
    environment = furnished()
    with GitServer(lambda_environment / "git", login=LOGIN) as server:
        (lambda_environment / "git").mkdir()
        server.create()
        yield Story(Cloud(environment, InProcess(environment)), server, server.clone())


def test_from_a_push_to_the_score_on_its_commit(story: Story) -> None:
    cloud = story.cloud
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
    assert ["triggered", "ignored"] == [row["verdict"] for row in cloud.rows("events?kind=change")]
    [order] = story.orders()
    assert (WORKFLOW_ID, "run") == (order["experiment"], order["action"])

    for state in ("running", "completed"):
        story.report(order["order"], state, verdict="Pass", phase="Succeeded", faults=[FAULT])
    cloud.work()
    [run] = cloud.rows("runs")
    assert ("completed", "Pass", 75.0) == (run["state"], run["verdict"], run["score"])
    assert [] == story.orders()
    note = git("notes", "--ref", "litmus", "show", commit, cwd=story.server.root / "chaos.git")
    assert "75" in note
    assert Depth(0, 0, 0, 0) == open_queue(cloud.environment["STORE_URL"]).depth()
