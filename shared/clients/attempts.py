"""How long a message rests between its attempts, and what is said once it is given up: the same on every engine."""

from __future__ import annotations

import random
from datetime import datetime


def pause(attempts: int, base: float, cap: float) -> float:
    """Return how many seconds a message rests: a random part of `base * 2 ** (attempts - 1)`, at most of `cap`.

    That is "full jitter": a crowd that failed together does not return together.
    """
    return random.uniform(0, min(cap, base * 2.0 ** (attempts - 1)))  # noqa: S311 - spreads load, guards nothing


def abandoned(attempts: int) -> str:
    """Return why a message is dead whose last attempt nobody answered."""
    return f"no answer before the lease ended, for the last of {attempts} attempts"


def stamped(at: datetime) -> str:
    """Return a time as dead letters have it: RFC 3339, UTC, in milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
