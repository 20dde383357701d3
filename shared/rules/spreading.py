"""Spreads what many projects do at regular times, so that they do not ask their host in the same second."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

RATE: Final = 50
"""Projects that are looked after in a second, where there are that many."""

LOOKS: Final = 4
"""Pull requests of one project that are looked at in a second, where a push to their target has all looked at anew."""

JITTER: Final = 10.0
MINUTE: Final = 60.0

LONGEST: Final = 25.0
"""Seconds over which the projects of one tick are spread at most, so that they are done before the next."""


def share(*words: str) -> float:
    """Return a number from 0 to below 1 that is always the same for these words, and evenly spread over others."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:6]) / 2**48


def tick_delay(project: str, projects: int) -> float:
    """Return after how many seconds of a tick a project is looked after: at once where they are few."""
    return share(project) * min(projects // RATE, LONGEST)


def jitter(project: str, now: datetime) -> float:
    """Return some seconds by which what recurs with each tick is put off, other ones each time."""
    return JITTER * share(project, now.isoformat())


def look_delay(project: str, number: int, count: int) -> float:
    """Return after how many seconds one of `count` pull requests is looked at: at once where they are few."""
    return share(project, str(number)) * min(count // LOOKS, MINUTE)


def jittered(project: str, now: datetime, pause: timedelta) -> datetime:
    """Return a moment after `pause`, a fifth more or less, that differs from project to project and time to time."""
    return now + pause * (0.8 + 0.4 * share(project, now.isoformat()))
