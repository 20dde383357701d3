"""Identifiers that sort by time: 48 bits of milliseconds and 80 random bits, as 26 characters (the ULID layout)."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return an id greater than each that this process made before."""
    global _last  # noqa: PLW0603 - one sequence a process is the point
    fresh = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    with _lock:
        _last = max(fresh, _last + 1)
        return _text(_last)


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
