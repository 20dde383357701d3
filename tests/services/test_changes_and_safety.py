from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest

from shared.model.projects import Safety
from shared.model.runs import Active
from shared.services.tables import ACTIVE, COOLDOWNS, RECENT
from tests.services.watched import LOOSE, House, altered, fields, recorded

EXPERIMENT = "7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10"


def test_in_mode_observe_the_same_is_decided_and_nothing_is_enforced(house: House) -> None:
    house.settle(Safety(cooldown="0s"), mode="observe")
    house.admit(recorded("deployment-image"))
    assert house.verdicts() == ["observed"]
    assert len(house.store.messages) == 1


def test_a_second_change_within_the_cooldown_is_refused_by_name(house: House) -> None:
    house.settle(Safety())
    house.admit(recorded("deployment-image"))
    house.admit(recorded("deployment-env"))
    row = house.rows()[-1]
    assert ("ignored", "cooldown") == (row.verdict, fields(row)["rule"])
    assert fields(row)["refused"] == {EXPERIMENT: {"rule": "cooldown", "reason": row.reason}}
    assert len(house.store.messages) == 1


def test_a_cooldown_counts_from_the_time_of_the_row(house: House) -> None:
    house.settle(Safety())
    house.admit(recorded("deployment-image"))
    last = COOLDOWNS.load(house.store, "shop", f"c1/Deployment/default/web/{EXPERIMENT}")
    assert last is not None
    assert last.value == house.rows()[0].at
    house.clock.advance(1800)
    house.admit(recorded("deployment-env"))
    assert house.verdicts() == ["triggered", "triggered"]


def test_a_storm_is_held_and_says_so(house: House) -> None:
    house.settle(Safety(cooldown="0s"))
    for number in range(12):
        review = altered(recorded("deployment-image"), image=f"nginx:{number}")
        house.admit(review)
    assert house.verdicts() == ["triggered"] * 12
    assert f"{EXPERIMENT} waits: more than 10 triggers" in house.rows()[-1].reason
    recent = RECENT.load(house.store, "shop")
    assert recent is not None
    assert recent.value.held


def named(review: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the review as one of another workload."""
    made = deepcopy(review)
    request = made["request"]
    for part in (request, request["object"]["metadata"], request["oldObject"]["metadata"]):
        part["name"] = name
    request["uid"] = name
    return made


@pytest.mark.parametrize(
    ("safety", "writes"), [pytest.param(Safety(), 11, id="held"), pytest.param(LOOSE, 0, id="without a storm rule")]
)
def test_a_storm_that_breaks_at_once_loses_no_change(house: House, safety: Safety, writes: int) -> None:
    house.settle(safety)
    reviews = [named(recorded("deployment-image"), f"web-{number}") for number in range(64)]
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda review: house.admission.admit(house.call("admission", review, "c1")), reviews))
        list(pool.map(house.turns.reviews, house.store.drawn("reviews")))
    assert {"kept": 64, "triggered": 64} == house.counted
    recent = RECENT.load(house.store, "shop")
    assert writes == (recent.version if recent else 0)


def test_of_two_experiments_one_may_cool_down_while_the_other_starts(house: House) -> None:
    house.settle(Safety())
    house.admit(recorded("deployment-image"))
    both = {"litmuschaos.io/workflow": f"{EXPERIMENT},second"}
    house.admit(altered(recorded("deployment-env"), annotations=both))
    row = house.rows()[-1]
    assert row.verdict == "triggered"
    assert fields(row)["experiments"] == ["second"]
    assert f"{EXPERIMENT} does not start: Deployment/default/web triggered {EXPERIMENT} at" in row.reason


def test_more_experiments_than_one_change_may_start_are_refused_by_name(house: House) -> None:
    many = {"litmuschaos.io/workflow": ",".join(f"e{number}" for number in range(60))}
    house.admit(altered(recorded("deployment-image"), annotations=many))
    told = fields(house.rows()[-1])
    assert len(told["experiments"]) == 50
    assert sorted(told["refused"]) == [f"e{number}" for number in range(50, 60)]


@pytest.mark.parametrize(
    ("active", "actor", "rule"),
    [
        pytest.param({"workload": "Deployment/default/web"}, "admin", "open run", id="while a run targets it"),
        pytest.param({"service_accounts": ("litmus-admin",)}, None, "chaos actor", id="by the run's account"),
    ],
)
def test_what_chaos_itself_does_never_triggers(
    house: House, active: dict[str, Any], actor: str | None, rule: str
) -> None:
    run = Active(run="r1", project="shop", experiment="other", state="running", **active)
    house.store.commit([ACTIVE.put(run, "c1", "r1")])
    review = recorded("deployment-env-by-chaos-service-account")
    house.admit(altered(review, actor=actor) if actor else review)
    assert fields(house.rows()[-1])["rule"] == rule
