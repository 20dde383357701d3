"""What one sighting says of a tracked workload: a change to decide on, news to remember, or nothing.

A review's new side is a candidate, kept apart, since admission precedes persistence; every other side is a fact.
"""

from __future__ import annotations

import msgspec

from shared.model.changes import Sighting, Tracked
from shared.rules import sides
from shared.rules.claims import settled
from shared.rules.reviews import reviewed
from shared.rules.scales import UNTRACKED, rescaled
from shared.rules.statements import stated
from shared.rules.trails import Outcome, another, bygone, late, latest, moved, noted, repeat


def observe(tracked: Tracked | None, sighting: Sighting) -> Outcome:
    """Return what a sighting means for what is tracked of its workload (None: nothing is).

    Dry runs, and what neither bears our annotations nor is tracked, are left out by the caller. The rules are `change`,
    `create`, `opt-in` and `first sight` (which carry a change), `opt-out`, `not opted in`, `no change`, `deleted`,
    `late`, `repeat`, `untracked` and `nothing`.
    """
    outcome = _observed(tracked, sighting)
    if tracked is None and outcome.rule == "not opted in":
        return msgspec.structs.replace(outcome, tracked=None)
    return msgspec.structs.replace(outcome, tracked=outcome.tracked and settled(outcome.tracked))


def _observed(tracked: Tracked | None, sighting: Sighting) -> Outcome:
    if tracked and sighting.id in tracked.seen:
        return repeat(None)
    if sighting.operation == "DELETE" or sides.leaving(sighting.new):
        return _deleted(tracked, sighting)
    if sighting.new is None:
        return Outcome("nothing", "the signal shows no object", noted=False)
    if sighting.new.partial:
        return rescaled(tracked, sighting, sighting.new)
    if sighting.old:
        return reviewed(tracked, sighting, sighting.old, sighting.new)
    return stated(tracked, sighting, sighting.new)


def _deleted(tracked: Tracked | None, sighting: Sighting) -> Outcome:
    seen = sighting.old or sighting.new
    if tracked is None:
        return UNTRACKED
    if tracked.deleted_at:
        return repeat(None)
    if bygone(tracked, sighting) or (seen and seen.uid and another(tracked, seen)):
        return late()
    whole = seen if seen and not seen.partial else None
    last = moved(tracked, whole, None) if whole else moved(tracked, latest(tracked), None)
    gone = msgspec.structs.replace(noted(last, sighting), deleted_at=sighting.at)
    return Outcome("deleted", "the workload was deleted", gone)
