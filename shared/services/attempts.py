"""Read, decide, write conditionally: and when somebody was faster, all of it once more."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.errors import Stale

T = TypeVar("T")
TRIES = 24
SHORTEST, LONGEST = 0.004, 0.2
"""Bounds of the pause between two tries, in seconds: it doubles, and a random part of it is taken."""


def until_fresh(act: Callable[[], T], tries: int = TRIES) -> T:
    """Return what `act` returns, doing it again while its commit is `Stale`; the last `Stale` is let out.

    Many who want the same record part ways by pausing, since of each round only one wins: at most for four seconds, two
    in the mean.
    """
    for number in range(tries - 1):
        try:
            return act()
        except Stale:
            time.sleep(random.uniform(0, min(LONGEST, SHORTEST * 2**number)))  # noqa: S311 - no secret hangs on it
    return act()
