"""How long a message rests between its attempts, and what is said once it is given up: the same on every engine."""

from __future__ import annotations

import random


def pause(attempts: int, base: float, cap: float) -> float:
    """Return how many seconds a message rests: a random part of `base * 2 ** (attempts - 1)`, at most of `cap`.

    That is "full jitter": a crowd that failed together does not return together.
    """
    return random.uniform(0, min(cap, base * 2.0 ** (attempts - 1)))  # noqa: S311 - spreads load, guards nothing


def abandoned(attempts: int) -> str:
    """Return why a message is dead whose last attempt nobody answered."""
    return f"no answer before the lease ended, for the last of {attempts} attempts"
