"""Windows in which chaos may start: a cron in local time, a duration in elapsed time, and the time zone between them.

Apart from `safety` because cron is slow to load. Around a change of the clocks: an occurrence in the skipped hour is
the moment at which an unchanged clock would show it; one in the repeated hour counts the first time, and the second
time too if the cron names no hour. Source of the rules: cron(8) of Debian, on changes of local time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Invalid
from shared.model.projects import Window
from shared.rules.durations import seconds

_FIELDS = 5
_RANDOM = re.compile(r"\bR\b", re.IGNORECASE)
_TICK = timedelta(seconds=1)
_NEAR = timedelta(days=1)


def is_open(window: Window, now: datetime) -> bool:
    """Whether the latest occurrence is less than the duration ago; a window that cannot be read is never open."""
    try:
        check_window(window)
    except Invalid:
        return False
    length = timedelta(seconds=seconds(window.duration))
    begun = [start for start in _starts(window, now) if start <= now]
    return bool(begun) and now < max(begun) + length


def check_window(window: Window) -> None:
    """Refuse, as `Invalid`, a window whose cron, duration or time zone cannot be read."""
    seconds(window.duration)
    _zone(window.time_zone)
    from croniter import croniter  # noqa: PLC0415 - slow to load, and few projects have windows

    readable = len(window.cron.split()) == _FIELDS and not _RANDOM.search(window.cron)
    if not (readable and croniter.is_valid(window.cron)):
        mend = "write minute, hour, day, month and weekday, such as 0 9 * * 1-5"
        raise Invalid(f"{window.cron[:40]!r} is no cron: {mend}")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise Invalid(f"{name[:40]!r} is no IANA time zone: write one such as Europe/Berlin or UTC") from error


def _starts(window: Window, now: datetime) -> Iterator[datetime]:
    zone = _zone(window.time_zone)
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    for start in _occurrences(window.cron, wall, _shift(zone, now)):
        yield start.replace(tzinfo=zone).astimezone(UTC)
        if window.cron.split()[1].startswith("*"):
            yield start.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _shift(zone: ZoneInfo, now: datetime) -> timedelta:
    before, after = ((now + way * _NEAR).astimezone(zone).utcoffset() or timedelta() for way in (-1, 1))
    return abs(after - before)


def _occurrences(cron: str, wall: datetime, shift: timedelta) -> Iterator[datetime]:
    from croniter import croniter  # noqa: PLC0415 - as in `check_window`
    from croniter.croniter import CroniterError  # noqa: PLC0415 - likewise

    times = croniter(cron, wall + shift + _TICK)
    try:
        while (start := times.get_prev(datetime)) > wall - shift:
            yield start
        yield start
    except CroniterError:
        return
