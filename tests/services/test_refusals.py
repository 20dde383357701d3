from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.projects import Freeze, Project, Safety
from shared.model.statuses import Concern
from shared.services.refusals import Refusals
from shared.services.tables import CONCERNS, PROJECTS
from tests.services.watched import House, recorded

EXPERIMENT = "7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10"
FIRST, SECOND = "a" * 40, "b" * 40


def naming(name: str, *commits: str) -> dict[str, Any]:
    """Return a review of a workload that names these commits."""
    review = deepcopy(recorded(name))
    metadata = review["request"]["object"]["metadata"]
    metadata["annotations"]["litmuschaos.io/commit"] = ",".join(commits)
    return review


def told(house: House) -> list[Message]:
    """Work off the messages about refusals, and return them."""
    found = [message for message in house.store.messages if (message.function, message.action) == ("sync", "refused")]
    for message in found:
        Refusals(house.store, new_id).tell(message)
    return found


def concerns(house: House, commit: str) -> list[Concern]:
    return [CONCERNS.read(row).value for row in house.store.query(CONCERNS.partition("shop", commit))]


def statuses(house: House) -> list[str]:
    return [message.ids["commit"] for message in house.store.messages if message.action == "status"]


def test_what_safety_refuses_at_once_counts_for_the_commit_that_the_workload_names(house: House) -> None:
    house.settle(Safety())
    house.admit(naming("deployment-image", FIRST))
    house.admit(naming("deployment-env", SECOND, "main"))
    [row] = [row for row in house.rows() if row.verdict == "ignored"]
    assert 1 == len(told(house))
    expected = Concern(
        EXPERIMENT,
        row.at,
        "c1",
        "Deployment/default/web",
        verdict="refused",
        reason=row.detail["refused"][EXPERIMENT]["reason"],
    )
    assert ([], [expected], [SECOND]) == (concerns(house, FIRST), concerns(house, SECOND), statuses(house))


def test_what_ran_for_a_commit_before_stays_told(house: House) -> None:
    house.settle(Safety())
    house.admit(naming("deployment-image", FIRST))
    house.admit(naming("deployment-env", FIRST))
    ran = Concern(EXPERIMENT, "2026-01-01T00:00:00.000Z", "c1", "Deployment/default/web", run="r1")
    house.store.commit([CONCERNS.put(ran, "shop", FIRST, ran.key)])
    assert 1 == len(told(house))
    assert ([ran], []) == (concerns(house, FIRST), statuses(house))


@pytest.mark.parametrize(
    ("safety", "settings", "commits"),
    [
        pytest.param(Safety(), {"mode": "observe"}, (SECOND,), id="a project that observes"),
        pytest.param(Safety(), {}, (), id="a workload that names no commit"),
        pytest.param(Safety(cooldown="0s"), {}, (SECOND,), id="nothing is refused"),
    ],
)
def test_nobody_is_told_without_need(
    house: House, safety: Safety, settings: dict[str, Any], commits: tuple[str, ...]
) -> None:
    house.settle(safety, **settings)
    house.admit(naming("deployment-image", *commits))
    house.admit(naming("deployment-env", *commits))
    assert [] == told(house)


def test_a_change_that_is_no_reason_for_chaos_is_no_refusal(house: House) -> None:
    house.settle(Safety(cooldown="0s"))
    house.admit(naming("deployment-image", FIRST))
    back = naming("deployment-image", SECOND)
    back["request"]["object"], back["request"]["oldObject"] = back["request"]["oldObject"], back["request"]["object"]
    back["request"]["object"]["metadata"]["generation"] = 99
    back["request"]["uid"] = "back"
    house.admit(back)
    assert ("rollback", []) == (house.rows()[-1].detail["rule"], told(house))


def test_a_freeze_is_told(house: House) -> None:
    house.settle(Safety())
    project = PROJECTS.load(house.store, "shop")
    assert project is not None
    frozen = Project("shop", "shop", "", project.value.gitops, Safety(), Freeze("a release", "ada", "2026-01-01"))
    house.store.commit([PROJECTS.put(frozen, "shop")])
    house.admit(naming("deployment-image", FIRST))
    assert 1 == len(told(house))
    assert "frozen by ada" in concerns(house, FIRST)[0].reason


def test_a_message_about_nothing_does_nothing(house: House) -> None:
    Refusals(house.store, new_id).tell(Message("m", "sync", "refused", {"project": "shop", "change": "unknown"}))
    assert [] == house.store.messages
