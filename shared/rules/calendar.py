"""When a schedule is due next; apart, because cron is slow to load."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError

from shared.rules.durations import seconds

_ZONED: Final = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)")
_EVERY: Final = "@every "


def next_time(schedule: str, now: datetime) -> datetime | None:
    """Return when a valid cron expression (`TZ=` may precede) is due after `now`, in UTC; None if never.

    `@every 1h` counts from `now`, since only the controller knows when it began.
    """
    zoned = _ZONED.fullmatch(schedule)
    zone, cron = (ZoneInfo(zoned[1]), zoned[2]) if zoned else (ZoneInfo("UTC"), schedule)
    if cron.startswith(_EVERY):
        return now + timedelta(seconds=seconds(cron.removeprefix(_EVERY)))
    try:
        found: datetime = croniter(cron.replace("?", "*"), now.astimezone(zone)).get_next(datetime)
    except CroniterError:
        return None
    return found.astimezone(UTC)
