"""Read, decide, write conditionally: and when somebody was faster, all of it once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.errors import Stale

T = TypeVar("T")
TRIES = 8


def until_fresh(act: Callable[[], T], tries: int = TRIES) -> T:
    """Return what `act` returns, doing it again while its commit is `Stale`; the last `Stale` is let out."""
    for _ in range(tries - 1):
        try:
            return act()
        except Stale:
            continue
    return act()
