"""Durations as people write them in settings, policies and annotations: `30m`, `1h30m`, `90s`."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import Invalid

_UNITS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[dhms])", re.ASCII)
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
LONGEST: Final = 3_650 * 86_400.0
"""Ten years, in seconds: far above any use, and small enough that adding it to a time cannot overflow."""

_MEND: Final = "write numbers with units d, h, m, s or ms and nothing between, such as 30m, 1h30m or 0s"


def seconds(text: str) -> float:
    """Return the duration in seconds, never negative.

    The form is Go's `time.ParseDuration` less signs and sub-millisecond units, plus `d` for 24 hours.
    Raises `Invalid`, which names what was found and how to write it.
    """
    if not _WHOLE.fullmatch(text):
        raise Invalid(f"{text[:40]!r} is no duration; {_MEND}")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if total > LONGEST:
        raise Invalid(f"{text[:40]!r} is over ten years; use 3650d at most")
    return total
