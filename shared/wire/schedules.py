"""Cron expressions and time zones as Argo's cron reader takes them (robfig/cron, standard form)."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo

from shared.errors import Invalid
from shared.model.durations import seconds

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Final = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "weekday": {name: number for number, name in enumerate(_DAYS)},
}
_FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_BLANK: Final = ("day", "weekday")
"""The fields that a question mark may leave open."""

_NICKNAMES: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY: Final = "@every "
_ZONE: Final = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)")
_PART: Final = re.compile(r"(?:[*?]|(\w+)(?:-(\w+))?)(?:/([1-9][0-9]{0,3}))?", re.ASCII)
_LIKE: Final = "write minute, hour, day, month and weekday, such as 30 2 * * 1-5"


def check_cron(text: str) -> None:
    """Raise `Invalid` unless this is five fields, a nickname such as `@daily`, or `@every 1h`; a `TZ=` may precede."""
    zoned = _ZONE.fullmatch(text)
    if zoned:
        check_zone(zoned[1])
        text = zoned[2]
    if text.startswith(_EVERY):
        seconds(text.removeprefix(_EVERY))
    elif text not in _NICKNAMES:
        check_fields(text)


def check_fields(text: str) -> None:
    """Raise `Invalid` unless this is a cron expression of five fields."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise Invalid(f"{text[:40]!r} has {len(fields)} fields; {_LIKE}")
    for field, (name, low, high) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, name, low, high) for part in field.split(",")):
            raise Invalid(f"{field[:40]!r} is no {name} of a cron expression ({low} to {high}); {_LIKE}")


def check_zone(name: str) -> None:
    """Raise `Invalid` unless the IANA time zone database has the name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Invalid(f"{name[:40]!r} is no time zone; write an IANA name such as Europe/Berlin or UTC") from error


def _fits(part: str, name: str, low: int, high: int) -> bool:
    found = _PART.fullmatch(part)
    if not found or (part.startswith("?") and name not in _BLANK):
        return False
    first = _number(found[1], name, low)
    last = _number(found[2], name, first)
    return low <= first <= last <= high


def _number(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    known = _NAMES.get(name, {}).get(text.lower(), -1)
    return int(text) if text.isdecimal() and len(text) <= 2 else known  # noqa: PLR2004 - no field has three digits
