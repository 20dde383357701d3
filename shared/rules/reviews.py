"""Sightings with two sides, as admission reviews have: what is true now, and what may become true."""

from __future__ import annotations

import msgspec

from shared.model.changes import Side, Sighting, Tracked
from shared.rules import claims, sides
from shared.rules.trails import SKEW, Outcome, another, bygone, forgotten, fresh, judge, moved, noted, repeat, since


def reviewed(tracked: Tracked | None, sighting: Sighting, old: Side, new: Side) -> Outcome:
    """Return what a review of a whole object means: it compares its own two sides, and its old side is a fact.

    A gap between that and the tracked fact updates the fact and triggers nothing. One that newer signals have overtaken
    moves nothing; a generation that went back for longer than signals are under way starts anew.
    """
    if tracked is None:
        return _current(fresh(sighting, old, tracked), sighting, old, new)
    if bygone(tracked, sighting):
        return _overtaken(tracked, sighting, old, new)
    if another(tracked, old):
        return _current(fresh(sighting, old, tracked), sighting, old, new)
    if not (tracked.fact and _before(old, tracked.fact)):
        return _current(tracked, sighting, old, new)
    if since(tracked, sighting) > SKEW:
        return _current(fresh(sighting, old, tracked), sighting, old, new)
    return _overtaken(tracked, sighting, old, new)


def _current(tracked: Tracked, sighting: Sighting, old: Side, new: Side) -> Outcome:
    after = moved(forgotten(tracked, old), old, None if sides.same(old, new) else new)
    return judge(after, sighting, old, new)


def _overtaken(tracked: Tracked, sighting: Sighting, old: Side, new: Side) -> Outcome:
    """Return what a late review means; it is no news of the workload, or a restored one would never start anew."""
    outcome = judge(tracked, sighting, old, new)
    if outcome.change and claims.known(tracked, outcome.change):
        outcome = repeat(noted(tracked, sighting))
    kept = outcome.tracked and msgspec.structs.replace(outcome.tracked, at=tracked.at)
    return msgspec.structs.replace(outcome, tracked=kept)


def _before(one: Side, other: Side) -> bool:
    return (one.generation or 0) < (other.generation or 0)
