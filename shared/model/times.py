"""Times as records, the ledger and messages write them."""

from __future__ import annotations

from datetime import UTC, datetime


def written(at: datetime) -> str:
    """Return an aware time in RFC 3339, UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
