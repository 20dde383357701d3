"""Candidates that never came to be, generations that went back, and Scales that are joined into what is tracked."""

from __future__ import annotations

import pytest

from shared.model.changes import Side, Sighting
from shared.rules import sides
from shared.rules.digests import side
from tests.rules.sights import WATCHED, deployment, event, heartbeat, review, scale
from tests.rules.test_tracking import IMAGE, paths, rules, told

V1, V2, V3 = (deployment(f"web:{n}", generation=n, revision=100 * n) for n in (1, 2, 3))
BACK = deployment(replicas=2, generation=2, revision=100)
ELSE = deployment("web:5", generation=2, revision=201)
DENIED = deployment("web:no", generation=2, revision=100)

ANEW = deployment("web:9", uid="u2", created="2026-11-22T19:30:00Z")
LOST, WON = deployment("web:1", 5, 2, revision=100), deployment("web:2", 5, 3, revision=300)
UNDONE, REDONE = deployment("web:1", generation=3, revision=300), deployment("web:2", generation=4, revision=400)


def config(mode: str, revision: int = 1, **annotations: str) -> Side:
    metadata = {"uid": "u1", "resourceVersion": str(revision), "annotations": {**WATCHED, **annotations}}
    return side({"kind": "ConfigMap", "metadata": metadata, "data": {"mode": mode}}, b"")


A, B = config("a"), config("b")


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param([review(V1, DENIED), review(V1, V2, 9)], "change", id="another change at the same generation"),
        pytest.param([review(V1, DENIED), review(V1, DENIED, 200)], "repeat", id="the same again"),
        pytest.param(
            [review(V1, DENIED), review(V1, V2, 30), review(V1, DENIED, 200)], "repeat", id="again after another"
        ),
        pytest.param(
            [review(V1, LOST), review(V1, V2, 1), review(V2, WON, 2)], "repeat", id="again upon what won the race"
        ),
        pytest.param(
            [review(V1, LOST), review(V1, V2, 1), review(V2, WON, 2), event(WON, 3)], "repeat", id="and persisted"
        ),
        pytest.param(
            [review(V1, LOST), review(V1, V2, 1), event(V2, 2), heartbeat(WON, 3)],
            "repeat",
            id="and persisted, though its second review was lost",
        ),
        pytest.param(
            [review(V1, V2), review(V2, UNDONE, 1), review(UNDONE, REDONE, 2)], "change", id="again after it was undone"
        ),
        pytest.param([review(V1, DENIED), event(V2, 9)], "change", id="an audited change in its place"),
        pytest.param([review(V1, DENIED, 9), event(V2, 5)], "late", id="an earlier event of its generation"),
        pytest.param([review(V2, V3), event(ELSE, 60)], "late", id="what it may have replaced"),
        pytest.param([review(V2, V3), event(ELSE, 61)], "change", id="what is there long after"),
        pytest.param([review(V2, V3), heartbeat(ELSE, 61)], "change", id="what a heartbeat shows long after"),
        pytest.param([review(A, B), review(A, B, 90)], "repeat", id="without generation"),
        pytest.param([review(A, B), review(B, A, 1), review(A, B, 2)], "change", id="to and fro"),
        pytest.param([review(A, B), event(B, 1)], "repeat", id="without generation, confirmed"),
        pytest.param([review(A, B), event(A, 1)], "late", id="the event of what was before"),
        pytest.param(
            [review(V1, V2), event(deployment(revision=150, labels={"a": "b"}), 1)], "late", id="between the two"
        ),
        pytest.param([review(A, B), event(config("a", 3), 1)], "no change", id="without generation, as before"),
        pytest.param([event(A), event(config("b", 2), 1), event(A, 2)], "late", id="ordered by resourceVersion"),
        pytest.param(
            [review(None, V1, operation="CREATE"), event(DENIED, 5)], "change", id="beyond a candidate without a fact"
        ),
        pytest.param(
            [review(None, V1, operation="CREATE"), event(deployment("web:0"), 5)],
            "change",
            id="in place of a candidate without a fact",
        ),
    ],
)
def test_a_candidate_gives_way_to_what_is_true(sightings: list[Sighting], expected: str) -> None:
    assert expected == rules(*sightings)[-1]


def test_what_came_in_a_candidates_place_is_compared_with_the_fact() -> None:
    change = told(review(V1, DENIED), event(V2, 9))[-1].change
    assert change is not None
    assert change.old == V1


def test_what_came_after_a_candidate_is_compared_with_it() -> None:
    change = told(review(V1, V2), event(V3, 9))[-1].change
    assert change is not None
    assert change.old == V2


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param(
            [review(V1, V2), review(V2, V3, 1), review(V1, LOST, 62)], "change", id="a review after a restore"
        ),
        pytest.param([event(V3), review(V1, LOST, 60)], "change", id="a review that may be late"),
        pytest.param([event(V3), event(V1, 61)], "first sight", id="an event long after"),
        pytest.param([event(V3), event(V1, 60)], "late", id="an event that may be late"),
        pytest.param([heartbeat(V3), heartbeat(V1, 61)], "first sight", id="a heartbeat"),
        pytest.param([heartbeat(ANEW), heartbeat(V1, 61)], "first sight", id="to before it was created anew"),
        pytest.param([heartbeat(ANEW), event(V1, 60)], "late", id="an event of the one before"),
    ],
)
def test_a_generation_that_went_back_resets_the_tracking(sightings: list[Sighting], expected: str) -> None:
    outcome = told(*sightings)[-1]
    assert expected == outcome.rule
    assert (outcome.tracked is None) == (expected == "late")


def test_a_review_that_was_overtaken_still_triggers_and_moves_nothing() -> None:
    first, second, third = told(review(V2, V3, 5), review(V1, V2, 4), review(V1, V2, 3))
    assert ["change", "change", "repeat"] == [first.rule, second.rule, third.rule]
    assert first.tracked is not None
    assert second.tracked is not None
    assert (first.tracked.fact, first.tracked.candidate) == (second.tracked.fact, second.tracked.candidate)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param([heartbeat(V1)], "no change", id="the generation stayed"),
        pytest.param([heartbeat(deployment("web:9", generation=2))], "change", id="generation and digest moved"),
    ],
)
def test_a_heartbeat_counts_if_generation_and_digest_moved(known: list[Sighting], expected: str) -> None:
    generation = 1 if expected == "no change" else 3
    assert expected == rules(*known, heartbeat(deployment("web:2", generation=generation), 15))[-1]


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param([review(scale(2), scale(5))], "untracked", id="of what is not tracked"),
        pytest.param([event(scale(5))], "untracked", id="of what is not tracked, by audit"),
        pytest.param([event(V1), review(scale(2, uid="u9"), scale(5, uid="u9"), 1)], "untracked", id="of another"),
        pytest.param([event(V1), review(scale(2), scale(5), 1)], "change", id="of a tracked workload"),
        pytest.param([event(V1), review(scale(2), scale(2), 1)], "no change", id="to what it is"),
        pytest.param([review(V1, V2), review(scale(2), scale(5), 1)], "change", id="of a candidate"),
        pytest.param([event(V1), event(scale(5), 1)], "change", id="by audit"),
        pytest.param([event(V1), event(scale(2), 1)], "repeat", id="by audit, to what it is"),
        pytest.param([event(V1), review(scale(2), scale(5), 1), event(scale(5), 2)], "repeat", id="confirmed"),
        pytest.param(
            [event(V1), review(scale(2), scale(5), 1), review(scale(2), scale(5), 2)], "repeat", id="tried again"
        ),
        pytest.param(
            [event(V1), review(scale(2), scale(5), 1), review(scale(5), scale(2), 2), review(scale(2), scale(5), 3)],
            "change",
            id="to and fro",
        ),
        pytest.param([event(V1), review(V1, V2, 5), review(scale(2), scale(5), 4)], "change", id="overtaken"),
        pytest.param([event(V2), event(scale(5, revision=150), 1)], "late", id="older than the fact"),
        pytest.param(
            [
                event(V1),
                event(scale(5, revision=300), 1),
                review(deployment(replicas=5, revision=300), V3, 2),
                event(scale(5, revision=300), 3),
            ],
            "repeat",
            id="what a review showed since",
        ),
        pytest.param(
            [review(deployment(replicas=5, revision=100), BACK), heartbeat(BACK, 1), event(scale(5, revision=100), 2)],
            "late",
            id="what a confirmed candidate replaced",
        ),
    ],
)
def test_a_scale_is_judged_by_the_workload_that_is_tracked(sightings: list[Sighting], expected: str) -> None:
    assert expected == rules(*sightings)[-1]


def test_a_scale_shows_the_whole_workload_with_its_new_replicas() -> None:
    change = told(review(V1, V2), review(scale(2, revision=250), scale(5, revision=250), 1))[-1].change
    assert change is not None
    assert ["spec.replicas"] == paths(change)
    assert (2, 5, 3) == (sides.replicas(change.old or V1), sides.replicas(change.new), change.new.generation)
    assert change.new.content["spec"]["template"] == V2.content["spec"]["template"]
    assert change.new.experiments == ("web-chaos",)


def test_a_scale_to_zero_and_from_it_is_told_as_such() -> None:
    down = review(scale(2), scale(0), 1)
    for outcome in (*told(event(V1), down, review(scale(0), scale(2), 2))[1:], told(event(V1), event(scale(0), 1))[-1]):
        assert outcome.change is not None
        assert outcome.change.old is not None
        assert {0, 2} == {sides.replicas(outcome.change.old), sides.replicas(outcome.change.new)}


def test_a_scale_at_the_candidates_own_revision_shows_that_it_never_came() -> None:
    change = told(event(V1), review(V1, DENIED, 1), review(scale(2, revision=100), scale(5, revision=100), 2))[
        -1
    ].change
    assert change is not None
    assert change.new.content["spec"]["template"] == V1.content["spec"]["template"]


def test_a_scale_of_an_opted_out_workload_is_untracked() -> None:
    out = deployment(generation=2, annotations={})
    assert rules(review(V1, out), review(scale(2), scale(5), 1)) == ["opt-out", "untracked"]


def test_a_gap_in_replicas_updates_the_fact_and_triggers_nothing() -> None:
    outcome = told(event(V1), review(scale(4), scale(5), 1))[-1]
    assert outcome.change is not None
    assert outcome.change.old is not None
    assert sides.replicas(outcome.change.old) == 4
    assert outcome.tracked is not None
    assert outcome.tracked.fact == outcome.change.old


def test_a_scale_shows_that_what_was_created_came_to_be() -> None:
    created, denied = review(None, V1, operation="CREATE"), review(scale(2, revision=100), scale(5, revision=100), 1)
    assert [IMAGE] == paths(told(created, denied, event(V2, 2))[-1].change)


def test_an_audited_scale_moves_fact_and_candidate_alike() -> None:
    outcome = told(event(V1), review(V1, V2, 1), event(scale(5, revision=300), 2))[-1]
    tracked = outcome.tracked
    assert tracked is not None
    assert tracked.fact is not None
    assert tracked.candidate is not None
    assert (5, 5) == (sides.replicas(tracked.fact), sides.replicas(tracked.candidate))
    assert paths(told(event(V1), review(V1, V2, 1), event(V3, 2))[-1].change) == [IMAGE]


def test_a_workload_without_a_template_is_never_a_rollback() -> None:
    outcomes = told(review(A, B), review(B, A, 1))
    assert [False, False] == [bool(outcome.change and outcome.change.rollback) for outcome in outcomes]


def test_a_template_that_only_a_denied_change_left_is_no_rollback() -> None:
    denied, more = deployment("web:no", generation=3, revision=200), deployment("web:2", 7, 4, revision=400)
    outcome = told(event(V2), review(V2, denied, 1), event(scale(5, revision=300), 2), event(more, 3))[-1]
    assert outcome.change is not None
    assert (["spec.replicas"], False) == (paths(outcome.change), outcome.change.rollback)
