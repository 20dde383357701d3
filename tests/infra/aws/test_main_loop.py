"""The whole main loop on DynamoDB and SQS, through Lambda's handlers and nothing else."""

from __future__ import annotations

import time

import pytest

from infra.aws.requests import GATEWAY
from shared.clients.opening import open_queue
from shared.model.messages import Depth
from shared.services import polling
from tests.gitserver import git
from tests.infra.aws.story import AmazonStory
from tests.infra.loop import WORKFLOW_ID
from tests.infra.outside import FAULT


@pytest.mark.parametrize("where", ["here", pytest.param("on_ministack", marks=pytest.mark.soak), "in_runtime"])
def test_from_a_push_to_the_score_on_its_commit(where: str, request: pytest.FixtureRequest) -> None:
    story: AmazonStory = request.getfixturevalue(where)
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


def test_records_that_come_twice_change_nothing(here: AmazonStory) -> None:
    here.cloud.times = 2
    here.begin()
    commit = here.push()
    assert [202, 202] == [here.deliver(commit)[0] for _ in range(2)]
    here.cloud.work()
    for review in ("deployment-create", "deployment-image", "deployment-image"):
        here.review(review)
    here.cloud.work()
    [order] = here.orders()
    for _ in range(2):
        here.report(order["order"], "completed", verdict="Pass", faults=[FAULT])
    here.cloud.work()
    [run] = here.cloud.rows("runs")
    assert ("completed", 75.0) == (run["state"], run["score"])
    kinds = [(row["kind"], row["verdict"]) for row in here.cloud.rows("events")]
    assert 1 == kinds.count(("change", "triggered")) == kinds.count(("report", "noted"))


@pytest.mark.soak
def test_a_subscriber_that_waits_for_an_hour_is_answered_before_the_gateway_gives_up(here: AmazonStory) -> None:
    here.begin()
    started = time.monotonic()
    assert [] == here.orders(wait=3_600)
    assert polling.LONGEST <= time.monotonic() - started < GATEWAY


def test_a_push_that_nobody_told_of_is_found_by_the_timer(here: AmazonStory) -> None:
    here.begin()
    here.cloud.work()
    commit = here.push()
    here.cloud.tick()
    here.cloud.work()
    assert [("synced", commit)] == [(one["state"], one["commit"]) for one in here.cloud.rows("experiments")]
