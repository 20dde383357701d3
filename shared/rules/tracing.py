"""The trace that a cause and all that follows from it share (W3C Trace Context, version 00)."""

from __future__ import annotations

import hashlib


def traceparent(cause: str, identity: str, parent: str = "") -> str:
    """Return a trace context: the `parent`'s trace, else one for each cause, and in it one span for each identity."""
    _, trace, _, flags = (parent or f"00-{_hash('trace', cause)[:32]}--01").split("-")
    return f"00-{trace}-{_hash('span', identity)[:16]}-{flags}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
