"""Sightings of a `Scale`: replicas without annotations or generation, which the tracked workload knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.model.changes import Side, Sighting, Tracked
from shared.rules import claims, sides
from shared.rules.trails import Outcome, another, bygone, forgotten, judge, late, latest, moved, repeat, since

UNTRACKED: Final = Outcome("untracked", "the scaled workload is not tracked, or has not opted in", noted=False)


def rescaled(tracked: Tracked | None, sighting: Sighting, scale: Side) -> Outcome:
    """Return what a `Scale` of a tracked workload means, joined into its latest state."""
    base = _base(tracked, sighting) if tracked else None
    if tracked is None or base is None or another(tracked, scale) or not base.watched:
        return UNTRACKED
    if tracked.deleted_at and sighting.at <= tracked.deleted_at:
        return UNTRACKED
    if sighting.old:
        return _reviewed(tracked, sighting, base, sighting.old, scale)
    return _stated(tracked, sighting, base, scale)


def _base(tracked: Tracked, sighting: Sighting) -> Side | None:
    """Return the latest state; the fact where the resourceVersion shows that a review's candidate had not come to be.

    A candidate that was itself joined from a `Scale` differs in what this one says anyway.
    """
    candidate = tracked.candidate
    if candidate is None or candidate.partial or sighting.old is None or not sides.at_once(candidate, sighting.old):
        return latest(tracked)
    return tracked.fact or candidate


def _reviewed(tracked: Tracked, sighting: Sighting, base: Side, old: Side, new: Side) -> Outcome:
    refuted = base is tracked.candidate and base.partial and sides.replicas(base) != sides.wanted(old)
    before = sides.scaled(base, old, -1 if refuted else 0)
    after = sides.scaled(before, new)
    if since(tracked, sighting) < timedelta(0):
        return judge(tracked, sighting, before, after)
    kept = forgotten(tracked, before)
    fact = before if kept.fact is None or base is kept.fact else sides.scaled(kept.fact, old)
    return judge(moved(kept, fact, after), sighting, before, after)


def _stated(tracked: Tracked, sighting: Sighting, base: Side, scale: Side) -> Outcome:
    after, known = sides.scaled(base, scale), [side for side in (tracked.fact, tracked.candidate) if side]
    if after.digest == base.digest or any(_shows(side, scale) for side in known):
        return repeat(None, claims.shown(tracked, after))
    if bygone(tracked, sighting) or any(_precedes(scale, side) for side in known):
        return late()
    fact, candidate = (side and sides.scaled(side, scale) for side in (tracked.fact, tracked.candidate))
    return judge(moved(tracked, fact, candidate), sighting, base, after)


def _shows(side: Side, scale: Side) -> bool:
    return sides.at_once(side, scale) and sides.replicas(side) == sides.wanted(scale)


def _precedes(scale: Side, side: Side) -> bool:
    """Whether a `Scale` is older than `side`, or what it replaced: that is the resourceVersion that a review shows."""
    return sides.older(scale, side) or sides.at_once(scale, side)
