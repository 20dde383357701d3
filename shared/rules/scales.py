"""Sightings of a `Scale`: replicas without annotations or generation, which the tracked workload knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.model.changes import Side, Sighting, Tracked
from shared.rules import sides
from shared.rules.trails import REFUTED, Outcome, another, forgotten, judge, late, latest, moved, repeat, since

UNTRACKED: Final = Outcome("untracked", "the scaled workload is not tracked, or has not opted in", noted=False)


def rescaled(tracked: Tracked | None, sighting: Sighting, scale: Side) -> Outcome:
    """Return what a `Scale` of a tracked workload means, joined into its latest state."""
    base = _base(tracked, sighting) if tracked else None
    if tracked is None or base is None or tracked.deleted_at or another(tracked, scale) or not base.watched:
        return UNTRACKED
    if sighting.old:
        before = sides.scaled(base, sighting.old)
        return _reviewed(tracked, sighting, base, before, sides.scaled(before, scale))
    return _stated(tracked, sighting, base, scale)


def _base(tracked: Tracked, sighting: Sighting) -> Side | None:
    """Return the latest state; the fact where the resourceVersion shows that the candidate had not come to be."""
    if tracked.fact and tracked.candidate and sighting.old and sides.at_once(tracked.candidate, sighting.old):
        return tracked.fact
    return latest(tracked)


def _reviewed(tracked: Tracked, sighting: Sighting, base: Side, before: Side, after: Side) -> Outcome:
    if since(tracked, sighting) < timedelta(0):
        return judge(tracked, sighting, before, after)
    lasting = since(tracked, sighting) > REFUTED
    kept = forgotten(tracked, before) if lasting else tracked
    fact = kept.fact if base is tracked.candidate else before
    again = not lasting and base is tracked.candidate and base.digest == after.digest != before.digest
    return judge(moved(kept, fact, after), sighting, before, after, repeated=again)


def _stated(tracked: Tracked, sighting: Sighting, base: Side, scale: Side) -> Outcome:
    after, known = sides.scaled(base, scale), [side for side in (tracked.fact, tracked.candidate) if side]
    if after.digest == base.digest or any(_shows(side, scale) for side in known):
        return repeat(None)
    if any(sides.older(scale, side) for side in known):
        return late()
    fact, candidate = (side and sides.scaled(side, scale) for side in (tracked.fact, tracked.candidate))
    return judge(moved(tracked, fact, candidate), sighting, base, after)


def _shows(side: Side, scale: Side) -> bool:
    return sides.at_once(side, scale) and sides.replicas(side) == sides.replicas(scale)
