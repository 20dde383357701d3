"""Signals from before etcd was restored, which come after the workload was seen as it is since."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.model.changes import Side, Sighting, Tracked
from shared.rules.tracking import observe
from shared.rules.trails import delayed, listed
from tests.rules.sights import at, deleted, deployment, event, heartbeat, review, scale

IMAGE = "spec.template.spec.containers[0].image"
V2, V3 = (deployment(f"web:{n}", generation=n, revision=100 * n) for n in (2, 3))
BACKUP = deployment("web:1", generation=1, revision=100)
NEXT = deployment("web:4", generation=2, revision=101)
LEFT = deployment("web:0", generation=1, revision=50)
ANOTHER = deployment("web:9", generation=1, revision=900, uid="u2", created="2026-11-22T19:30:00Z")
RESTORED = [heartbeat(V2), heartbeat(BACKUP, 100)]


def after(*sightings: Sighting) -> Tracked:
    tracked: Tracked | None = None
    for sighting in sightings:
        tracked = observe(tracked, sighting).tracked or tracked
    assert tracked
    return tracked


BYGONE = [
    pytest.param(event(V3, 30), "late", id="a change by an audit event"),
    pytest.param(event(V2, 0), "late", id="what was a fact then"),
    pytest.param(event(scale(7, revision=300), 30), "late", id="a scale by an audit event"),
    pytest.param(event(ANOTHER, 30, operation="CREATE"), "late", id="a creation of another object"),
    pytest.param(deleted("u1", 30), "late", id="a deletion"),
    pytest.param(review(V2, V3, 30), "change", id="a review, which its guard looks at"),
    pytest.param(review(ANOTHER, V3, 30), "change", id="a review of another object"),
]


@pytest.mark.parametrize(("signal", "rule"), BYGONE)
def test_a_signal_from_before_a_restore_moves_nothing(signal: Sighting, rule: str) -> None:
    known = after(*RESTORED)
    outcome = observe(known, signal)
    left = after(*RESTORED, signal)
    assert (rule, known.fact, known.candidate, known.at, None) == (
        outcome.rule,
        left.fact,
        left.candidate,
        left.at,
        left.deleted_at,
    )


@pytest.mark.parametrize(("signal", "rule"), BYGONE)
def test_a_change_after_a_restore_counts_whatever_comes_late(signal: Sighting, rule: str) -> None:
    outcome = observe(after(*RESTORED, signal), event(NEXT, 101))
    assert outcome.change
    assert [IMAGE] == [one.path for one in outcome.change.changed], rule


def test_an_event_that_confirms_a_candidate_does_so_however_late_it_is() -> None:
    tracked = after(heartbeat(V2), review(V2, V3, 100), event(V3, 30))
    assert (V3, None) == (tracked.fact, tracked.candidate)


def test_what_a_heartbeat_listed_was_as_tracked_then() -> None:
    tracked = listed(after(heartbeat(BACKUP)), at(100))
    assert "late" == observe(tracked, event(V3, 30)).rule
    assert "change" == observe(tracked, event(NEXT, 101)).rule
    assert tracked == listed(tracked, "")


@pytest.mark.parametrize(
    ("known", "seconds", "disproved"),
    [
        pytest.param([heartbeat(BACKUP), review(BACKUP, V2, 1)], 62, True, id="which was not there"),
        pytest.param([heartbeat(BACKUP), review(BACKUP, V2, 1)], 61, False, id="which may be on its way"),
        pytest.param([review(None, BACKUP, 1, operation="CREATE")], 99, False, id="of a creation"),
        pytest.param([heartbeat(BACKUP), review(scale(2), scale(5), 1)], 99, False, id="of which no list tells"),
    ],
)
def test_a_list_disproves_a_candidate(known: list[Sighting], seconds: float, *, disproved: bool) -> None:
    assert disproved == (listed(after(*known), at(seconds)).candidate is None)


def test_an_event_does_not_confirm_a_candidate_that_a_list_disproved() -> None:
    tracked = listed(after(heartbeat(BACKUP), review(BACKUP, V2, 1)), at(100))
    assert "repeat" == observe(tracked, event(V2, 2)).rule
    assert observe(tracked, event(V2, 2)).tracked is None
    assert "change" == observe(tracked, heartbeat(NEXT, 101)).rule


@pytest.mark.parametrize(("seconds", "expected"), [(60, False), (61, True)])
def test_a_signal_is_delayed_once_a_restore_may_have_come_between(seconds: float, *, expected: bool) -> None:
    assert expected == delayed(at(0), datetime.fromisoformat(at(seconds)))


@pytest.mark.parametrize("template", [LEFT, V2], ids=["before", "by"])
@pytest.mark.parametrize("restored", [heartbeat(BACKUP, 200), review(BACKUP, BACKUP, 200)], ids=["seen", "reviewed"])
def test_a_template_that_was_left_before_or_by_a_restore_is_an_earlier_one(restored: Sighting, template: Side) -> None:
    outcome = observe(after(heartbeat(LEFT), heartbeat(V2, 5), restored), event(back(template), 201))
    assert outcome.change
    assert outcome.change.rollback


def back(side: Side) -> Side:
    return deployment(side.content["spec"]["template"]["spec"]["containers"][0]["image"], generation=2, revision=102)
