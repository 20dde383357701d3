"""Changes of one workload before any was tried: the newest that is proved is, and a denied one takes nothing away."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.projects import Safety, Storm
from shared.model.runs import Recent
from shared.rules.routing import CLUSTERS
from shared.services.tables import RECENT
from tests.services.dispatch_stage import KILL, Stage

NEVER = "never persisted: spec.replicas still differs after 60 s"
REVERTED = "reverted: spec.replicas no longer has the value that triggered"


@pytest.fixture
def polled(stage: Stage) -> Stage:
    """A stage whose cluster polls, so that nothing is taken before it asks."""
    stage.cluster("c1")
    return stage


def changes(stage: Stage, count: int) -> list[str]:
    """Trigger so many changes of one workload, one after another, and return their orders."""
    for _ in range(count):
        stage.change()
        stage.pump(1)
    return [run.id for run in stage.runs()]


def report(stage: Stage, order: str, state: str, **fields: Any) -> None:
    stage.report(order, state, **fields)
    stage.pump()


def given(stage: Stage) -> list[str]:
    """Return the orders that the cluster's subscriber is given, which it takes."""
    orders = [one.order for one in stage.poll()]
    for order in orders:
        report(stage, order, "waiting")
    return orders


def test_an_older_change_waits_unsent_and_says_for_what(polled: Stage) -> None:
    older, newer = changes(polled, 2)
    assert ([newer], [("c1", "waiting"), ("c1", "waiting")]) == (given(polled), polled.states())
    assert ("newer change", newer) == (polled.order(older).rule, polled.order(older).behind)
    assert f"change {polled.order(newer).change} takes its place" in polled.runs()[0].message


@pytest.mark.parametrize("state", ["running", "completed", "error"])
def test_a_newer_change_that_is_proved_takes_the_place_of_what_was_not_sent(polled: Stage, state: str) -> None:
    older, newer = changes(polled, 2)
    given(polled)
    report(polled, newer, state)
    assert ("superseded", "skipped") == (polled.order(older).state, polled.runs()[0].state)
    assert f"change {polled.order(newer).change} came before it started" == polled.runs()[0].message


def test_a_newer_change_whose_rollout_fails_was_there_all_the_same(polled: Stage) -> None:
    older, newer = changes(polled, 2)
    given(polled)
    report(polled, newer, "skipped", message="the rollout is stuck")
    assert "superseded" == polled.order(older).state


@pytest.mark.parametrize("why", [NEVER, REVERTED], ids=["denied", "undone"])
def test_a_newer_change_that_is_not_there_takes_nothing_away(polled: Stage, why: str) -> None:
    older, newer = changes(polled, 2)
    assert [newer] == given(polled)
    report(polled, newer, "skipped", message=why)
    assert [older] == given(polled)
    report(polled, older, "completed")
    assert [("c1", "completed"), ("c1", "skipped")] == polled.states()


def test_of_many_changes_the_newest_that_is_there_is_tried(polled: Stage) -> None:
    first, second, third = changes(polled, 3)
    assert [third] == given(polled)
    report(polled, third, "skipped", message=NEVER)
    assert [second] == given(polled)
    report(polled, second, "running")
    assert ["superseded", "taken", "done"] == [polled.order(one).state for one in (first, second, third)]


def test_of_many_changes_the_oldest_is_tried_if_no_other_came_to_be(polled: Stage) -> None:
    orders = changes(polled, 4)
    for order in reversed(orders[1:]):
        assert [order] == given(polled)
        report(polled, order, "skipped", message=NEVER)
    assert orders[:1] == given(polled)


def test_what_took_its_place_may_give_way_itself(polled: Stage) -> None:
    first, second = changes(polled, 2)
    third = changes(polled, 1)[-1]
    given(polled)
    report(polled, third, "running")
    assert ["superseded", "superseded"] == [polled.order(one).state for one in (first, second)]


def test_a_change_that_waits_again_after_a_denied_one_gives_way_to_the_next(polled: Stage) -> None:
    first, second = changes(polled, 2)
    given(polled)
    report(polled, second, "skipped", message=NEVER)
    third = changes(polled, 1)[-1]
    assert ([third], third) == (given(polled), polled.order(first).behind)


def test_a_change_that_stood_behind_a_denied_one_gives_way_to_what_came_meanwhile(polled: Stage) -> None:
    first, second = changes(polled, 2)
    given(polled)
    third = changes(polled, 1)[-1]
    report(polled, second, "skipped", message=NEVER)
    assert [third] == given(polled)
    assert f"change {polled.order(third).change} takes its place" in polled.runs()[0].message
    report(polled, third, "running")
    assert "superseded" == polled.order(first).state


@pytest.mark.parametrize(("state", "left"), [("running", "superseded"), ("waiting", "waiting")])
def test_a_change_that_comes_to_dispatch_after_a_newer_one_stands_behind_it(
    polled: Stage, state: str, left: str
) -> None:
    polled.experiment("late")
    changed = [polled.change("late"), polled.change("late")]
    first, second = (polled.due(one) for one in changed)
    polled.dispatching.change(second)
    polled.pump()
    [newer] = [run.id for run in polled.runs() if run.change == changed[1]]
    given(polled)
    report(polled, newer, state)
    polled.dispatching.change(first)
    polled.pump()
    assert left == next(order.state for order in polled.orders() if order.change == changed[0])


def test_a_newer_change_that_a_person_stops_before_it_was_sent_takes_nothing_away(polled: Stage) -> None:
    older, newer = changes(polled, 2)
    polled.dispatching.stop("shop", newer)
    polled.pump()
    assert older in given(polled)


def test_what_a_storm_held_goes_by_the_same_rule(polled: Stage) -> None:
    polled.settle(Safety(cooldown="0s", storm=Storm(1, "5m")))
    polled.store.store.commit([RECENT.put(Recent(held=True), "shop")])
    older, newer = changes(polled, 2)
    assert ([], "storm") == (given(polled), polled.order(newer).rule)
    polled.releasing.release("shop")
    polled.pump()
    assert [newer] == given(polled)
    report(polled, newer, "skipped", message=NEVER)
    assert [older] == given(polled)


def test_on_another_cluster_a_change_goes_on_if_the_newer_one_is_not_proved_at_its_origin(polled: Stage) -> None:
    polled.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2"}))
    polled.cluster("c2")
    changes(polled, 2)
    proofs = given(polled)
    report(polled, proofs[0], "completed")
    assert [] == polled.poll("c2")
    report(polled, proofs[1], "skipped", message=NEVER)
    [going] = polled.poll("c2")
    assert going.order == polled.orders("c2")[0].id
