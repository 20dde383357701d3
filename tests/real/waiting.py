"""Bounded waiting, for an API server acts on what it was told a moment later."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.05


def eventually(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Returns as soon as it holds; raises TimeoutError that says what did not come about."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(POLL_SECONDS)
