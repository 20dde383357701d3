"""Sightings with two sides, as admission reviews have: what is true now, and what may become true."""

from __future__ import annotations

from datetime import timedelta

from shared.model.changes import Side, Sighting, Tracked
from shared.rules import sides
from shared.rules.trails import REFUTED, Outcome, another, forgotten, fresh, judge, moved, noted, repeat, since


def reviewed(tracked: Tracked | None, sighting: Sighting, old: Side, new: Side) -> Outcome:
    """Return what a review of a whole object means: it compares its own two sides, and its old side is a fact.

    A gap between that and the tracked fact updates the fact and triggers nothing. One that was made before the last
    news of the workload, and came after it, moves nothing; a generation that went back since then starts anew.
    """
    if tracked is None or another(tracked, old):
        return _current(fresh(sighting), sighting, old, new)
    if not (tracked.fact and _before(old, tracked.fact)):
        return _current(tracked, sighting, old, new)
    if since(tracked, sighting) > timedelta(0):
        return _current(fresh(sighting), sighting, old, new)
    return judge(tracked, sighting, old, new)


def _current(tracked: Tracked, sighting: Sighting, old: Side, new: Side) -> Outcome:
    lasting = bool(tracked.at) and since(tracked, sighting) > REFUTED
    base = forgotten(tracked, old) if lasting else tracked
    after = moved(base, old, None if sides.same(old, new) else new)
    if not lasting and after.candidate and _again(tracked, new):
        return repeat(noted(after, sighting))
    return judge(after, sighting, old, new)


def _again(tracked: Tracked, new: Side) -> bool:
    candidate = tracked.candidate
    return new.generation is None and candidate is not None and sides.same(candidate, new)


def _before(one: Side, other: Side) -> bool:
    return (one.generation or 0) < (other.generation or 0)
