"""How a cluster's subscriber was reached lately."""

from __future__ import annotations

import msgspec


class Reach(msgspec.Struct, frozen=True):
    """How often in a row a subscriber was not reached, and why the last time.

    `retry_at` is when it is tried again, `since` when its circuit was opened; both RFC 3339 UTC, or empty.
    """

    failures: int = 0
    reason: str = ""
    retry_at: str = ""
    since: str = ""

    @property
    def state(self) -> str:
        """`closed` while orders go out, `open` while only a probe does."""
        return "open" if self.since else "closed"
