from __future__ import annotations

from itertools import pairwise

import pytest

from shared.model.changes import GITOPS, SEEN_LIMIT, WORKFLOW, Change, Sighting, Tracked
from shared.rules.tracking import observe
from shared.rules.trails import Outcome
from tests.rules.sights import WATCHED, at, deleted, deployment, event, heartbeat, review

OPTED_OUT = {WORKFLOW: "web-chaos"}


def told(*sightings: Sighting) -> list[Outcome]:
    """Return what each sighting meant, one after the other."""
    tracked: Tracked | None = None
    outcomes = []
    for sighting in sightings:
        outcomes.append(observe(tracked, sighting))
        tracked = outcomes[-1].tracked or tracked
    return outcomes


def rules(*sightings: Sighting) -> list[str]:
    return [outcome.rule for outcome in told(*sightings)]


def paths(change: Change | None) -> list[str]:
    assert change is not None
    return [one.path for one in change.changed]


V1, V2, V3 = (deployment(f"web:{n}", generation=n, revision=100 * n) for n in (1, 2, 3))
IMAGE = "spec.template.spec.containers[0].image"


def test_a_review_compares_its_own_two_sides() -> None:
    (outcome,) = told(review(V1, V2))
    change = outcome.change
    assert change is not None
    assert ("change", "UPDATE", [IMAGE], V1, V2) == (
        outcome.rule,
        change.operation,
        paths(change),
        change.old,
        change.new,
    )
    assert ("admin", ("staff",), at(0), "admission") == (change.actor, change.actor_groups, change.at, change.source)


def test_a_reviews_old_side_is_a_fact_and_its_new_side_a_candidate() -> None:
    (outcome,) = told(review(V1, V2))
    assert outcome.tracked is not None
    assert (V1, V2) == (outcome.tracked.fact, outcome.tracked.candidate)


def test_a_gap_before_a_review_updates_the_fact_and_triggers_nothing() -> None:
    _, second = told(review(V1, V1), review(V2, V3, 1))
    assert paths(second.change) == [IMAGE]
    assert second.change is not None
    assert second.change.old == V2
    assert second.tracked is not None
    assert second.tracked.fact == V2


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param([review(None, V1, operation="CREATE")], ["create"], id="a creation"),
        pytest.param([event(V1, operation="CREATE")], ["create"], id="an audited creation"),
        pytest.param([event(V2)], ["first sight"], id="the first sight by audit"),
        pytest.param([heartbeat(V2)], ["first sight"], id="the first sight by heartbeat"),
        pytest.param([event(V1), event(V2, 1)], ["first sight", "change"], id="an audited change"),
        pytest.param([review(V1, V1)], ["no change"], id="a review without a difference"),
        pytest.param([event(V1), event(V1, 1)], ["first sight", "no change"], id="an event without a difference"),
        pytest.param([review(V1, V2, name="a"), review(V1, V2, 1, "a")], ["change", "repeat"], id="the same uid"),
        pytest.param([review(V1, V2), review(V1, V2, 1)], ["change", "repeat"], id="generation and digest known"),
        pytest.param([review(V1, V2), event(V2, 1)], ["change", "repeat"], id="a candidate confirmed"),
        pytest.param(
            [review(V1, V2), review(V2, V3, 1), event(V2, 2)], ["change", "change", "repeat"], id="late, known"
        ),
        pytest.param([event(V1), event(V3, 2), event(V2, 1)], ["first sight", "change", "late"], id="late by audit"),
        pytest.param([review(V2, V3, 2), event(V1, 1)], ["change", "late"], id="older than a review's old side"),
        pytest.param([review(V2, V3, 2), event(V2, 3)], ["change", "late"], id="older than a candidate"),
        pytest.param([heartbeat(V1), heartbeat(V2, 15)], ["first sight", "change"], id="found by heartbeat"),
        pytest.param([review(V1, None)], ["nothing"], id="no new side"),
    ],
)
def test_each_sighting_is_judged_against_what_is_tracked(sightings: list[Sighting], expected: list[str]) -> None:
    assert expected == rules(*sightings)


def test_what_starts_without_an_old_side_is_a_creation_to_the_policies() -> None:
    for outcome in told(event(V2)) + told(review(None, V1, operation="CREATE")):
        assert outcome.change is not None
        assert ("CREATE", None, ["spec"]) == (outcome.change.operation, outcome.change.old, paths(outcome.change))


@pytest.mark.parametrize("annotations", [OPTED_OUT, {GITOPS: "false"}, {}, None])
def test_opting_out_stops_and_opting_in_is_a_creation_to_the_policies(annotations: dict[str, str] | None) -> None:
    out = deployment(generation=2, annotations=annotations)
    changed = deployment("web:2", generation=3, annotations=annotations)
    back = deployment("web:2", generation=4)
    later = deployment("web:3", generation=5)
    sightings = [review(V1, out), review(out, changed, 1), review(changed, back, 2), review(back, later, 3)]
    outcomes = told(*sightings)
    assert ["opt-out", "not opted in", "opt-in", "change"] == [outcome.rule for outcome in outcomes]
    assert [False, False, True, True] == [outcome.change is not None for outcome in outcomes]
    by_audit = rules(event(V1), event(out, 1), event(changed, 2), event(back, 3), event(later, 4))
    assert by_audit == ["first sight", "opt-out", "not opted in", "opt-in", "change"]


def test_what_has_never_opted_in_is_not_tracked() -> None:
    plain = deployment(annotations=OPTED_OUT)
    for sighting in (review(plain, deployment("web:2", annotations=OPTED_OUT)), event(plain)):
        (outcome,) = told(sighting)
        assert ("not opted in", None) == (outcome.rule, outcome.tracked)


@pytest.mark.parametrize("generation", [1, 2], ids=["a StatefulSet's stays", "a Deployment's moves"])
def test_metadata_alone_is_a_change_outside_of_what_counts_by_default(generation: int) -> None:
    noted = deployment(generation=generation, annotations={**WATCHED, "note": "hello"}, labels={"tier": "front"})
    for outcome in (told(review(V1, noted))[-1], told(event(V1), event(noted, 1))[-1]):
        assert outcome.change is not None
        assert outcome.change.changed == ()
        assert [one.path for one in outcome.change.metadata_changed] == [
            "metadata.annotations.note",
            "metadata.labels.tier",
        ]


def test_a_retried_change_of_metadata_alone_is_known() -> None:
    noted = deployment(annotations={**WATCHED, "note": "hello"})
    again = deployment(annotations={**WATCHED, "note": "bye"})
    sightings = [review(V1, noted), review(V1, noted, 1), event(noted, 2), review(noted, again, 3)]
    assert rules(*sightings) == ["change", "repeat", "repeat", "change"]


def test_a_rollback_is_a_template_that_was_left_before() -> None:
    back = deployment("web:1", generation=3)
    for outcome in (
        told(review(V1, V2), review(V2, back, 1))[-1],
        told(event(V1), event(V2, 1), event(back, 2))[-1],
        told(review(V1, V1), review(V2, back, 1))[-1],
    ):
        assert outcome.change is not None
        assert outcome.change.rollback


def test_new_templates_and_scaling_are_no_rollback() -> None:
    fewer = deployment("web:2", 1, 3)
    outcomes = told(review(V1, V2), review(V2, fewer, 1), review(fewer, deployment("web:3", 1, 4), 2))
    assert [False, False, False] == [bool(outcome.change and outcome.change.rollback) for outcome in outcomes]


def test_templates_and_marks_are_remembered_within_bounds() -> None:
    states = [deployment(f"web:{n}", generation=n) for n in range(1, 90)]
    outcome = told(*(review(old, new, n) for n, (old, new) in enumerate(pairwise(states))))[-1]
    assert outcome.tracked is not None
    assert (SEEN_LIMIT, 16) == (len(outcome.tracked.seen), len(outcome.tracked.past))


def test_a_deletion_is_remembered_and_triggers_nothing() -> None:
    outcomes = told(review(V1, V2), review(V2, None, 1, operation="DELETE"), review(V2, None, 2, operation="DELETE"))
    assert ["change", "deleted", "repeat"] == [outcome.rule for outcome in outcomes]
    assert outcomes[1].tracked is not None
    assert (at(1), V2, None) == (
        outcomes[1].tracked.deleted_at,
        outcomes[1].tracked.fact,
        outcomes[1].tracked.candidate,
    )


def test_a_deletion_of_what_is_not_tracked_says_nothing() -> None:
    (outcome,) = told(review(V1, None, operation="DELETE"))
    assert ("untracked", None, False) == (outcome.rule, outcome.tracked, outcome.noted)


def test_an_object_that_waits_for_its_finalizers_is_deleted() -> None:
    leaving = deployment("web:2", generation=3, deletionTimestamp="2026-11-22T20:00:01Z")
    assert rules(review(V1, V2), review(V2, leaving, 1)) == ["change", "deleted"]


LATER = "2026-11-22T20:01:00Z"
NEW, THIRD = deployment("web:9", uid="u2", created="2026-11-22T20:00:30Z"), deployment("web:9", uid="u3", created=LATER)
DENIED = review(None, NEW, 60, operation="CREATE")


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param([event(V1), deleted("u1", 1), event(NEW, 600, operation="CREATE")], "change", id="in time"),
        pytest.param([event(V1), deleted("u1", 1), event(NEW, 602, operation="CREATE")], "create", id="too late"),
        pytest.param([event(V1), event(NEW, 60, operation="CREATE")], "change", id="its deletion was lost"),
        pytest.param([event(V1), event(NEW, 60)], "change", id="its creation was lost as well"),
        pytest.param([event(V1), review(None, NEW, 60, operation="CREATE")], "change", id="by admission"),
        pytest.param([event(V1), review(NEW, NEW, 60)], "no change", id="a review has its own two sides"),
        pytest.param(
            [review(None, V1, operation="CREATE"), review(None, NEW, 60, operation="CREATE")],
            "create",
            id="the first one never came to be",
        ),
        pytest.param(
            [review(None, V1, operation="CREATE"), deleted("u1", 1), event(NEW, 60, operation="CREATE")],
            "change",
            id="the first one was deleted, so it was there",
        ),
        pytest.param(
            [event(V1), deleted("u1", 1), event(deployment(uid="u2", generation=1), 60, operation="CREATE")],
            "no change",
            id="anew as it was",
        ),
        pytest.param([event(V1), DENIED, review(None, THIRD, 61, operation="CREATE")], "change", id="tried again"),
        pytest.param([event(V1), DENIED, heartbeat(THIRD, 61)], "change", id="tried again, as a heartbeat shows"),
        pytest.param(
            [event(V1), DENIED, event(deployment(uid="u3", created=LATER), 61)], "no change", id="back again as it was"
        ),
        pytest.param([event(V1), DENIED, event(THIRD, 661)], "first sight", id="tried again too late"),
    ],
)
def test_the_same_name_created_anew_is_an_update_within_ten_minutes(sightings: list[Sighting], expected: str) -> None:
    outcome = told(*sightings)[-1]
    assert expected == outcome.rule
    assert outcome.tracked is not None
    assert outcome.tracked.deleted_at is None


def test_a_workload_created_anew_is_compared_with_the_last_that_was_known() -> None:
    change = told(event(V1), deleted("u1", 1), event(NEW, 60, operation="CREATE"))[-1].change
    assert change is not None
    assert ("UPDATE", V1, [IMAGE]) == (change.operation, change.old, paths(change))


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(event(V2, 40), id="an update of the earlier object"),
        pytest.param(deleted("u1", 40), id="the deletion of the earlier object"),
    ],
)
def test_signals_of_an_earlier_object_of_the_name_are_late(late: Sighting) -> None:
    assert rules(event(V1), event(NEW, 30), late)[-1] == "late"


def test_an_event_from_before_the_deletion_is_late_and_one_from_after_revives() -> None:
    assert rules(event(V1), deleted("u1", 10), event(V2, 5)) == ["first sight", "deleted", "late"]
    assert rules(event(V1), deleted("u1", 10), event(V2, 15)) == ["first sight", "deleted", "change"]
