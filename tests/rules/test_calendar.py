from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.rules.calendar import next_time

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("30 2 * * *", "2026-01-02T02:30", id="daily, in UTC"),
        pytest.param("TZ=Asia/Tokyo 0 9 * * *", "2026-01-02T00:00", id="in a time zone"),
        pytest.param("CRON_TZ=Asia/Tokyo 0 9 * * *", "2026-01-02T00:00", id="by its other name"),
        pytest.param("@hourly", "2026-01-01T13:00", id="a nickname"),
        pytest.param("@every 90m", "2026-01-01T13:30", id="from now on"),
        pytest.param("0 0 ? * mon", "2026-01-05T00:00", id="a field left open"),
        pytest.param("0 12 * * *", "2026-01-02T12:00", id="not now, but after it"),
    ],
)
def test_a_schedule_says_when_it_is_due_next(schedule: str, expected: str) -> None:
    found = next_time(schedule, NOW)
    assert found is not None
    assert f"{expected}:00+00:00" == found.isoformat()


def test_a_day_that_never_comes_is_never_due() -> None:
    assert next_time("0 0 30 2 *", NOW) is None
