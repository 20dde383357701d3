"""Numbers, Kubernetes quantities and percentages that stand in text."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_DIGITS: Final = r"[-+]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})"
_EXPONENT: Final = r"[eE][-+]?[0-9]{1,3}"
_NUMBER: Final = re.compile(rf"{_DIGITS}(?:{_EXPONENT})?", re.ASCII)
_QUANTITY: Final = re.compile(rf"({_DIGITS})([numkMGTPE]|[KMGTPE]i)", re.ASCII)
_PERCENT: Final = re.compile(rf"({_DIGITS})%", re.ASCII)
_SUFFIXES: Final = {
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate("mun", 1)},
}


def number(text: str) -> Decimal | None:
    """Return a decimal number, with or without exponent, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def quantity(text: str) -> Decimal | None:
    """Return what a quantity stands for (`500m`, `64Mi`, `2`, `1e3`), or None (apimachinery, `resource.Quantity`)."""
    found = _QUANTITY.fullmatch(text)
    return Decimal(found[1]) * _SUFFIXES[found[2]] if found else number(text)


def percentage(text: str) -> Decimal | None:
    """Return the number before the percent sign of `25%`, or None."""
    found = _PERCENT.fullmatch(text)
    return Decimal(found[1]) if found else None
