"""What a heartbeat's list of workloads says against what is tracked: known, to be seen whole, or gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.changes import Side, Tracked
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.rules import sides

SETTLED: Final = timedelta(minutes=2)
"""How old the last news of a workload must be before its absence from a list means that it is gone."""


class Compared(msgspec.Struct, frozen=True):
    """`wanted` are to be seen whole; `confirmed` show the candidate that was tracked; `gone` are there no more."""

    wanted: tuple[SeenWorkload, ...] = ()
    confirmed: tuple[Tracked, ...] = ()
    gone: tuple[Tracked, ...] = ()


def compared(heartbeat: Heartbeat, tracked: Iterable[Tracked], now: datetime) -> Compared:
    """Return what the list says. A tracked workload of a kind that was listed whole, and is not in it, is gone."""
    known = {one.workload.subject: one for one in tracked if one.deleted_at is None}
    seen = {one.subject: one for one in heartbeat.workloads}
    confirmed = {name: known[name] for name in seen.keys() & known.keys() if _confirms(known[name], seen[name])}
    return Compared(
        wanted=tuple(one for name, one in seen.items() if name not in confirmed and not _is_fact(known.get(name), one)),
        confirmed=tuple(confirmed.values()),
        gone=tuple(one for name, one in known.items() if name not in seen and _left(one, heartbeat.listed, now)),
    )


def _is_fact(known: Tracked | None, seen: SeenWorkload) -> bool:
    """Whether it is as the last fact has it; a candidate beside it that was not persisted is of no account."""
    return known is not None and known.fact is not None and _shows(known.fact, seen)


def _confirms(known: Tracked, seen: SeenWorkload) -> bool:
    return known.candidate is not None and not known.candidate.partial and _shows(known.candidate, seen)


def _shows(side: Side, seen: SeenWorkload) -> bool:
    """Whether a side is what is seen; a generation that went back is another history, of whatever content."""
    if (seen.generation or 0) < (side.generation or 0):
        return False
    return (side.uid, side.digest, sides.marks(side)) == (seen.uid, seen.digest, seen.marks)


def _left(known: Tracked, listed: Sequence[str], now: datetime) -> bool:
    shown = known.candidate or known.fact
    settled = now - datetime.fromisoformat(known.at) > SETTLED
    return known.workload.kind in listed and settled and shown is not None and shown.watched
