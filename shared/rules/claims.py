"""Changes that reviews told of and no fact has shown yet: tried again they are no news, and given up they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.model.changes import Change, Changed, Claim, Side, Sighting, Tracked
from shared.model.orders import OrderState
from shared.model.runs import Run
from shared.rules import sides
from shared.rules.digests import digest
from shared.rules.guards import NEVER, PERSISTS_WITHIN, REVERTED
from shared.rules.runs import UNSTARTED

LIMIT: Final = 32
"""Claims that are remembered of one workload: as many clients may change it at once."""

TOLD_LIMIT: Final = 128
"""Fields that are remembered of one workload as told."""


class Outset(msgspec.Struct, frozen=True):
    """What a claim started on its cluster: the state of an order, and the run that it became."""

    order: OrderState
    run: Run


def fields(change: Change) -> tuple[Changed, ...]:
    """Return what makes a change the one that it is: metadata counts where nothing else changed."""
    return change.changed or change.metadata_changed


def repeated(tracked: Tracked, change: Change) -> tuple[Claim, ...]:
    """Return the claims that a review's change is, tried again: a client that lost a race sends the same once more."""
    return tuple(one for one in tracked.claims if one.changed == fields(change))


def covered(tracked: Tracked, change: Change) -> tuple[Claim, ...]:
    """Return the claims that a fact's change fulfils, wholly or in part."""
    shown = set(fields(change))
    return tuple(one for one in tracked.claims if not shown.isdisjoint(one.changed))


def without(change: Change, claims: Sequence[Claim]) -> Change:
    """Return the change less what was claimed."""
    known = {field for one in claims for field in one.changed}
    return msgspec.structs.replace(
        change,
        changed=tuple(one for one in change.changed if one not in known),
        metadata_changed=tuple(one for one in change.metadata_changed if one not in known),
    )


def shown(tracked: Tracked, side: Side) -> tuple[Claim, ...]:
    """Return the claims that have come true in `side`."""
    return tuple(one for one in tracked.claims if all(sides.shows(side, field) for field in one.changed))


def claimed(tracked: Tracked, sighting: Sighting, change: Change) -> Tracked:
    """Return the record with a new claim, named for its sighting until it is known what it starts."""
    kept = tuple(one for one in tracked.claims if one.changed != fields(change))
    claim = Claim(fields(change), sighting.at, sighting.id)
    return msgspec.structs.replace(tracked, claims=(*kept, claim)[-LIMIT:])


def started(tracked: Tracked, sighting: str, change: str, experiments: tuple[str, ...]) -> Tracked:
    """Return the record whose claim from this sighting has the ledger's id of what it started."""
    named = {"change": change if experiments else "", "experiments": experiments}
    claims = (msgspec.structs.replace(one, **named) if one.change == sighting else one for one in tracked.claims)
    return msgspec.structs.replace(tracked, claims=tuple(claims))


def settled(tracked: Tracked) -> Tracked:
    """Return the record without the claims that its fact shows; they are told now."""
    if tracked.fact is None or not tracked.claims:
        return tracked
    true = shown(tracked, tracked.fact)
    left = tuple(one for one in tracked.claims if one not in true)
    return told(msgspec.structs.replace(tracked, claims=left), tracked.fact, [f for one in true for f in one.changed])


def told(tracked: Tracked, at: Side, changed: Iterable[Changed]) -> Tracked:
    """Return the record that knows these fields as told, up to the generation of `at`."""
    marks = tuple(f"{at.generation or 0}:{_name(one)}" for one in changed)
    return msgspec.structs.replace(tracked, told=(*tracked.told, *marks)[-TOLD_LIMIT:])


def known(tracked: Tracked, change: Change) -> bool:
    """Whether all of a change was told at its own generation or a later one: its review comes late."""
    latest: dict[str, int] = {}
    for mark in tracked.told:
        generation, _, name = mark.partition(":")
        latest[name] = int(generation)
    least = change.new.generation or 0
    return all(latest.get(_name(one), -1) >= least for one in fields(change))


def given_up(claim: Claim, outsets: Sequence[Outset], sighting: Sighting) -> bool:
    """Whether what a claim started will not prove what `sighting` shows, so that this counts by itself.

    A review tries a claim again. As long as its guard looks, that will see it; what started nothing, is decided anew.
    Any other signal shows that a claim came true: it counts if its guard had given up by then.
    """
    if sighting.old is None:
        return any(_missed(one.run) and one.run.reported_at < sighting.at for one in outsets)
    if not claim.change:
        return True
    waited = datetime.fromisoformat(sighting.at) - datetime.fromisoformat(claim.at)
    fresh = waited.total_seconds() <= PERSISTS_WITHIN
    return not any(_looks(one, fresh=fresh) for one in outsets) if outsets else not fresh


def _missed(run: Run) -> bool:
    return run.state == "skipped" and run.message.startswith((NEVER, REVERTED))


def _looks(outset: Outset, *, fresh: bool) -> bool:
    """Whether a guard still looks, or, for as long as it would have, that of the later change in its place."""
    return outset.run.state in UNSTARTED or (fresh and outset.order == "superseded")


def _name(field: Changed) -> str:
    return digest([field.path, field.digest])[:16]
