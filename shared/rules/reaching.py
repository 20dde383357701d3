"""When a subscriber that could not be reached is tried again, and when its circuit opens: after so many in a row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.reaches import Reach
from shared.model.times import written

OPENS_AT: Final = 5
"""Failures in a row that open the circuit."""

QUICKEST: Final = 1.0
SLOWEST: Final = 60.0
"""Bounds of the pause between two tries, in seconds; it doubles, and up to half of it is taken off by chance."""

PROBE: Final = 15.0
"""Seconds that one try may take while others wait for its outcome: longer than a subscriber's deadlines."""


def left(reach: Reach, now: datetime) -> float:
    """Return for how many seconds the subscriber is left alone; 0.0 if it may be tried."""
    if not reach.retry_at:
        return 0.0
    return max(0.0, (datetime.fromisoformat(reach.retry_at) - now).total_seconds())


def probed(reach: Reach, now: datetime) -> Reach:
    """Return the reach while one try is under way, so that nobody else tries meanwhile."""
    return msgspec.structs.replace(reach, retry_at=_later(now, PROBE))


def failed(reach: Reach, reason: str, now: datetime, luck: float) -> Reach:
    """Return the reach after one more failure; `luck` in [0, 1) spreads those that failed together."""
    failures = reach.failures + 1
    since = reach.since or (_later(now, 0.0) if failures >= OPENS_AT else "")
    return Reach(failures, reason, _later(now, pause(failures, luck)), since)


def pause(failures: int, luck: float) -> float:
    """Return the seconds until the next try."""
    longest = min(SLOWEST, QUICKEST * 2.0 ** min(failures, 10))
    return longest * (1.0 - luck / 2)


def _later(now: datetime, seconds: float) -> str:
    return written(now + timedelta(seconds=seconds))
