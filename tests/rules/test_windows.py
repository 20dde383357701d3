from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.model.projects import Window
from shared.rules.windows import check_window, is_open

OFFICE = Window("0 9 * * 1-5", "8h", "Europe/Berlin")


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        pytest.param(OFFICE, "2026-11-23T08:00:00Z", True, id="opens on the minute, in local winter time"),
        pytest.param(OFFICE, "2026-11-23T07:59:59Z", False, id="not a second before"),
        pytest.param(OFFICE, "2026-11-23T15:59:59Z", True, id="open to the last second"),
        pytest.param(OFFICE, "2026-11-23T16:00:00Z", False, id="closed when the duration is over"),
        pytest.param(OFFICE, "2026-07-20T07:00:00Z", True, id="local summer time is an hour earlier"),
        pytest.param(OFFICE, "2026-11-22T10:00:00Z", False, id="not on a Sunday"),
        pytest.param(Window("0 22 * * *", "4h"), "2026-11-23T01:30:00Z", True, id="across midnight"),
        pytest.param(Window("0 0 * * 6", "2d"), "2026-11-22T23:00:00Z", True, id="longer than a day"),
        pytest.param(
            Window("30 2 * * *", "1h", "Europe/Berlin"),
            "2026-03-29T01:29:00Z",
            False,
            id="skipped hour: not open before the moment that the unchanged clock shows",
        ),
        pytest.param(
            Window("30 2 * * *", "1h", "Europe/Berlin"), "2026-03-29T01:45:00Z", True, id="skipped hour: opens once"
        ),
        pytest.param(
            Window("30 2 * * *", "20m", "Europe/Berlin"), "2026-10-25T00:40:00Z", True, id="repeated hour: the first"
        ),
        pytest.param(
            Window("30 2 * * *", "20m", "Europe/Berlin"),
            "2026-10-25T01:40:00Z",
            False,
            id="repeated hour: a named hour counts once",
        ),
        pytest.param(
            Window("30 * * * *", "20m", "Europe/Berlin"),
            "2026-10-25T01:40:00Z",
            True,
            id="repeated hour: every hour counts twice",
        ),
        pytest.param(
            Window("0 1 * * *", "3h", "Europe/Berlin"),
            "2026-03-29T02:59:00Z",
            True,
            id="durations are elapsed time, whatever the clocks do",
        ),
        pytest.param(Window("0 0 30 2 *", "1h"), "2026-03-01T00:30:00Z", False, id="a date that never comes"),
        pytest.param(Window("soon", "1h"), "2026-03-01T00:30:00Z", False, id="an unreadable window is never open"),
    ],
)
def test_a_window_is_open_in_elapsed_time_after_its_local_start(window: Window, now: str, expected: bool) -> None:
    assert expected == is_open(window, datetime.fromisoformat(now))


@pytest.mark.parametrize(
    ("window", "named"),
    [
        pytest.param(Window("0 9 * *", "1h"), "0 9 * *", id="four fields"),
        pytest.param(Window("0 9 * * * *", "1h"), "0 9 * * * *", id="seconds"),
        pytest.param(Window("@daily", "1h"), "@daily", id="a nickname"),
        pytest.param(Window("R 9 * * *", "1h"), "R 9", id="a random minute decides differently each time"),
        pytest.param(Window("61 9 * * *", "1h"), "61 9", id="out of range"),
        pytest.param(Window("0 9 * * *", "long"), "long", id="duration"),
        pytest.param(Window("0 9 * * *", "1h", "Mars/Olympus"), "Mars/Olympus", id="unknown zone"),
        pytest.param(Window("0 9 * * *", "1h", "../../etc/passwd"), "passwd", id="a path"),
        pytest.param(Window("0 9 * * *", "1h", ""), "IANA", id="no zone"),
    ],
)
def test_a_window_that_cannot_be_read_is_refused_by_what_was_found(window: Window, named: str) -> None:
    with pytest.raises(Invalid, match="no ") as caught:
        check_window(window)
    assert named in str(caught.value)


def test_names_of_days_and_months_are_read() -> None:
    check_window(Window("*/15 9-17 * MAR,jun mon-FRI", "15m", "America/New_York"))


@given(
    st.integers(min_value=1_577_836_800, max_value=2_051_222_400),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe"]),
)
def test_a_window_longer_than_its_period_is_always_open(now: int, zone: str) -> None:
    assert is_open(Window("0 * * * *", "90m", zone), datetime.fromtimestamp(now, UTC))
