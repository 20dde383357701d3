"""Sightings with one side: creations, audit events and heartbeats, compared with what is tracked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.changes import Side, Sighting, Tracked
from shared.rules import claims, sides
from shared.rules.trails import (
    SKEW,
    Outcome,
    begin,
    bygone,
    fresh,
    judge,
    late,
    latest,
    moved,
    noted,
    overtaken,
    repeat,
    since,
)

ANEW: Final = timedelta(minutes=10)
"""A name that is created anew this soon after its object was last there is an update."""


def stated(tracked: Tracked | None, sighting: Sighting, new: Side) -> Outcome:
    """Return what a signal without an old side means; the tracked workload is its old side.

    One that is `bygone` tells nothing, whatever it shows: the workload was seen since.
    """
    known = latest(tracked) if tracked else None
    if tracked is None or known is None:
        return _first(fresh(sighting, new, tracked), sighting, new)
    if bygone(tracked, sighting) and not (tracked.candidate and sides.same(tracked.candidate, new)):
        return overtaken(tracked, new)
    if known.uid != new.uid:
        return _anew(tracked, known, sighting, new)
    if tracked.deleted_at and sighting.at <= tracked.deleted_at:
        return late()
    return _again(tracked, sighting, new)


def _first(base: Tracked, sighting: Sighting, new: Side) -> Outcome:
    after = _placed(base, sighting, new)
    if not new.watched:
        return judge(after, sighting, new, new)
    if sighting.operation == "CREATE":
        return begin(after, sighting, new, "create", "the workload was created")
    return begin(after, sighting, new, "first sight", "the workload was not tracked: there is nothing to compare it to")


def _placed(base: Tracked, sighting: Sighting, new: Side) -> Tracked:
    if sighting.source == "admission":
        return moved(base, base.fact, new)
    return moved(base, new, None)


def _anew(tracked: Tracked, known: Side, sighting: Sighting, new: Side) -> Outcome:
    """Return what another object of the name means; a creation that no fact has shown may have been denied."""
    if sides.created_before(new, known):
        return _first(fresh(sighting, new, tracked), sighting, new) if since(tracked, sighting) > SKEW else late()
    base, former = fresh(sighting, new, tracked), tracked.fact or tracked.former
    gone = datetime.fromisoformat(tracked.deleted_at or tracked.at)
    if former is None or datetime.fromisoformat(sighting.at) - gone > ANEW:
        return _first(base, sighting, new)
    after = _placed(msgspec.structs.replace(base, former=former), sighting, new)
    return judge(after, sighting, known if tracked.fact else former, new)


def _again(tracked: Tracked, sighting: Sighting, new: Side) -> Outcome:
    candidate, fact = tracked.candidate, tracked.fact
    if candidate and sides.same(candidate, new):
        return repeat(noted(_placed(tracked, sighting, new), sighting), claims.shown(tracked, new))
    if candidate and (_based_on(candidate, new) or (fact and sides.at_once(fact, new))):
        return overtaken(tracked, new)
    if fact and sides.older(new, fact):
        return _gone_back(tracked, sighting, new)
    if candidate and _precedes(tracked, sighting, new, candidate):
        return overtaken(tracked, new)
    after = _placed(tracked, sighting, new)
    if candidate and (candidate.partial or not (fact and _rivals(new, candidate))):
        return judge(after, sighting, candidate, new, fact)
    unmoved = sighting.source == "heartbeat" and fact and _rivals(new, fact)
    return judge(after, sighting, new if unmoved or fact is None else fact, new)


def _gone_back(tracked: Tracked, sighting: Sighting, new: Side) -> Outcome:
    """Return what an older state means: a restore, if no signal is that long under way."""
    if since(tracked, sighting) > SKEW:
        return _first(fresh(sighting, new, tracked), sighting, new)
    return overtaken(tracked, new)


def _based_on(candidate: Side, seen: Side) -> bool:
    """Whether the candidate would replace exactly what is seen."""
    return sides.at_once(candidate, seen) and (candidate.generation or 0) >= (seen.generation or 0)


def _precedes(tracked: Tracked, sighting: Sighting, new: Side, candidate: Side) -> bool:
    """Whether the candidate may have come after what is seen; what is as old long after it shows that it did not."""
    if sides.older(new, candidate):
        return since(tracked, sighting) <= SKEW
    return _rivals(new, candidate) and since(tracked, sighting) <= timedelta(0)


def _rivals(one: Side, other: Side) -> bool:
    """Whether only one of the two can have been persisted: they claim one generation."""
    return one.generation is not None and one.generation == other.generation
