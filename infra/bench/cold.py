"""Cold start: from the start of a function's process to its first 200."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infra import bundling
from infra.bench.figures import Figure, median
from infra.bench.house import House

ROUNDS: Final = 5


def measure(house: House, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Start every function and the empty one in turn, `rounds` times after one that warms the disk's cache."""
    names = ["empty", *bundling.names()]
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            with house.serve(name) as started:
                times[name] += [started.seconds * 1000] if number else []
    empty = median(times.pop("empty"))
    for name, found in times.items():
        yield Figure("cold start", name, median(found), "ms", "empty function", empty)
