"""What reviews claimed and no fact has shown: tried again it is no news, and given up it counts anew."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.changes import Claim, Side, Sighting, Tracked
from shared.model.orders import OrderState
from shared.model.runs import Run
from shared.rules.claims import LIMIT, TOLD_LIMIT, Outset, given_up, shown, started
from shared.rules.tracking import observe
from shared.rules.trails import refuted
from tests.rules.sights import WEB, at, deployment, event, heartbeat, review, scale
from tests.rules.test_tracking import IMAGE, paths, rules, told

V1, V2, V3 = (deployment(f"web:{n}", generation=n, revision=100 * n) for n in (1, 2, 3))
DENIED = deployment("web:no", generation=2, revision=100)


def known(*sightings: Sighting) -> Tracked:
    found = told(*sightings)[-1].tracked
    assert found is not None
    return found


def last(*sightings: Sighting) -> Claim:
    return known(*sightings).claims[-1]


def test_a_reviewed_change_is_claimed_until_a_fact_shows_it() -> None:
    claim = last(review(V1, V2, name="r1"))
    assert ("r1", at(0), [IMAGE]) == (claim.change, claim.at, [one.path for one in claim.changed])
    for sighting in (event(V2, 1), heartbeat(V2, 1), review(V2, V3, 1)):
        assert claim not in known(review(V1, V2, name="r1"), sighting).claims


def test_a_claim_outlasts_what_others_persist() -> None:
    assert [last(review(V1, DENIED, name="r1"))] == list(known(review(V1, DENIED, name="r1"), event(V2, 9)).claims)


def test_claims_and_what_was_told_are_remembered_within_bounds() -> None:
    denied = [review(V1, deployment(f"web:no-{n}", generation=2), n) for n in range(LIMIT + 9)]
    assert LIMIT == len(known(*denied).claims)
    assert TOLD_LIMIT == len(known(*(event(deployment(f"web:{n}", n, n), n) for n in range(1, TOLD_LIMIT))).told)


def test_a_fact_counts_less_what_was_claimed() -> None:
    both = deployment("web:no", 5, generation=3, revision=300)
    outcome = told(review(V1, DENIED), review(V1, V1, 1), event(both, 2))[-1]
    assert ["spec.replicas"] == paths(outcome.change)
    assert [at(0)] == [claim.at for claim in outcome.claims]


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param([review(V1, V2), event(V3, 1), review(V1, V2, 2)], "repeat", id="of the same generation"),
        pytest.param(
            [event(V1), heartbeat(deployment("web:3", 5, 3), 1), review(V1, deployment("web:3", generation=2), 2)],
            "repeat",
            id="of what a heartbeat told with other things",
        ),
        pytest.param([event(V1), event(V3, 1), review(V1, V2, 2)], "change", id="of what nothing told"),
        pytest.param([review(V2, V3, 1), review(V1, V2, 2)], "change", id="of what only a gap showed"),
        pytest.param(
            [
                review(V1, deployment("web:x", generation=2)),
                review(V2, deployment("web:x", generation=3), 1),
                event(deployment("web:x", 9, generation=4), 2),
                review(V2, deployment("web:x", generation=3, labels={"a": "b"}), 3),
            ],
            "repeat",
            id="of a lost race",
        ),
    ],
)
def test_a_review_that_comes_late_tells_only_what_nothing_told(sightings: list[Sighting], expected: str) -> None:
    assert expected == rules(*sightings)[-1]


def test_a_late_review_is_no_news_of_the_workload() -> None:
    assert [at(5), at(5)] == [one.tracked and one.tracked.at for one in told(review(V2, V3, 5), review(V1, V2, 9))]
    outcomes = told(review(V2, V3), *(review(V1, deployment(f"w:{n}", generation=2), 30 * n) for n in (1, 2, 3)))
    assert ["change", "change", "change", "change"] == [one.rule for one in outcomes]
    assert [V2, V2, V2, V1] == [one.tracked and one.tracked.fact for one in outcomes]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        pytest.param(review(V1, DENIED, 90), "change", id="a review"),
        pytest.param(heartbeat(DENIED, 90), "change", id="a heartbeat"),
        pytest.param(event(deployment("web:no", generation=3, revision=150), 90), "change", id="an event"),
    ],
)
def test_what_was_given_up_counts_when_it_comes_after_all(again: Sighting, expected: str) -> None:
    tracked = known(event(V1), review(V1, DENIED, 1))
    assert "repeat" == observe(tracked, again).rule
    assert expected == observe(refuted(tracked, observe(tracked, again).claims), again).rule


def test_what_was_given_up_of_a_creation_leaves_nothing_to_compare_with() -> None:
    tracked = known(review(None, V1, operation="CREATE"), review(V1, DENIED, 1))
    without = refuted(tracked, tracked.claims)
    assert (V1, None, ()) == (without.fact, without.candidate, without.claims)
    bare = refuted(Tracked(WEB, candidate=DENIED, claims=tracked.claims), tracked.claims)
    assert (None, None, ()) == (bare.fact, bare.candidate, bare.claims)


def test_a_candidate_that_holds_nothing_of_it_stays() -> None:
    tracked = known(event(V1), review(V1, DENIED, 1), review(V1, V2, 2))
    assert V2 == refuted(tracked, tracked.claims[:1]).candidate


def test_a_claim_has_the_name_of_what_it_started() -> None:
    tracked = known(review(V1, DENIED, name="r1"), review(V1, V2, 1, "r2"))
    both = started(started(tracked, "r1", "e1", ("kill",)), "r2", "e2", ())
    assert [("e1", ("kill",)), ("", ())] == [(one.change, one.experiments) for one in both.claims]


def test_a_claim_has_come_true_where_all_of_it_stands() -> None:
    tracked = known(review(V1, deployment("web:2", 5, 2)))
    assert () == shown(tracked, V2)
    assert tracked.claims == shown(tracked, deployment("web:2", 5, 7))


def run(state: Any, message: str = "", seconds: float = 50) -> Run:
    return Run("r", "shop", "kill", "c1", state, at(0), at(0), message=message, reported_at=at(seconds))


@pytest.mark.parametrize(
    ("order", "state", "message", "seconds", "tried_again", "shown_since"),
    [
        pytest.param("ready", "queued", "", 500, False, False, id="not sent yet"),
        pytest.param("taken", "waiting", "", 500, False, False, id="its guard looks"),
        pytest.param("done", "skipped", "never persisted: x", 61, True, True, id="its guard gave up"),
        pytest.param("done", "skipped", "reverted: x", 51, True, True, id="its guard saw it undone"),
        pytest.param("done", "skipped", "never persisted: x", 49, True, False, id="shown before its guard gave up"),
        pytest.param("done", "skipped", "the rollout is stuck", 61, True, False, id="skipped for another reason"),
        pytest.param("done", "completed", "", 61, True, False, id="proved"),
        pytest.param("taken", "running", "", 10, True, False, id="proved, and running"),
        pytest.param("superseded", "skipped", "change 2 came", 60, False, False, id="another took its place"),
        pytest.param("superseded", "skipped", "change 2 came", 61, True, False, id="another took its place long ago"),
    ],
)
def test_a_claim_is_given_up_once_nothing_of_it_can_prove_it(
    order: OrderState, state: str, message: str, seconds: float, *, tried_again: bool, shown_since: bool
) -> None:
    claim, outsets = Claim((), at(0), "e1", ("kill",)), [Outset(order, run(state, message))]
    assert tried_again == given_up(claim, outsets, review(V1, DENIED, seconds))
    assert shown_since == given_up(claim, outsets, event(DENIED, seconds))


@pytest.mark.parametrize(
    ("change", "seconds", "expected"),
    [("e1", 60, False), ("e1", 61, True), ("", 1, True)],
    ids=["dispatched soon", "never dispatched", "it started nothing"],
)
def test_a_claim_without_an_order_is_given_up_after_its_time(change: str, seconds: float, *, expected: bool) -> None:
    assert expected == given_up(Claim((), at(0), change, ("kill",)), [], review(V1, DENIED, seconds))
    assert not given_up(Claim((), at(0), change, ("kill",)), [], event(DENIED, seconds))


def gone(side: Side, seconds: float) -> Sighting:
    return review(side, None, seconds, operation="DELETE")


def test_a_scale_after_a_denied_deletion_shows_that_the_workload_is_there() -> None:
    assert ["first sight", "deleted", "change"] == rules(event(V1), gone(V1, 5), review(scale(2), scale(5), 6))
    assert ["first sight", "deleted", "untracked"] == rules(event(V1), gone(V1, 5), event(scale(5), 4))
