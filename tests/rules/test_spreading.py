from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.rules.spreading import (
    JITTER,
    LONGEST,
    LOOKS,
    MINUTE,
    RATE,
    jitter,
    jittered,
    look_delay,
    share,
    tick_delay,
)

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MANY = [f"project-{number}" for number in range(5_000)]


def test_few_projects_are_looked_after_at_once() -> None:
    assert {0.0} == {tick_delay(name, RATE - 1) for name in MANY[: RATE - 1]}


@pytest.mark.parametrize("count", [500, 1_000, 5_000])
def test_many_projects_are_spread_evenly_within_a_tick(count: int) -> None:
    delays = [tick_delay(name, count) for name in MANY[:count]]
    window = min(count / RATE, LONGEST)
    seconds = [sum(second <= delay < second + 1 for delay in delays) for second in range(int(window))]
    assert count == sum(seconds)
    assert max(seconds) < 2 * count / window


def test_a_project_keeps_its_place_in_the_tick() -> None:
    assert tick_delay("shop", 1_000) == tick_delay("shop", 1_000)


def test_looks_part_ways_from_project_to_project_and_time_to_time() -> None:
    pause = timedelta(minutes=15)
    looks = {jittered(name, NOW, pause) for name in MANY[:100]} | {jittered("shop", NOW + pause, pause) - pause}
    assert 101 == len(looks)
    assert min(looks) >= NOW + 0.8 * pause
    assert max(looks) < NOW + 1.2 * pause


def test_what_recurs_is_put_off_by_other_seconds_each_time() -> None:
    delays = {jitter("shop", NOW + timedelta(seconds=30 * tick)) for tick in range(100)}
    assert (100, True) == (len(delays), 0 <= min(delays) < 0.2 * JITTER < 0.8 * JITTER < max(delays) < JITTER)


@pytest.mark.parametrize(
    ("count", "within"),
    [
        pytest.param(LOOKS - 1, 0.0, id="few: at once"),
        pytest.param(40, 10.0, id="more: a few a second"),
        pytest.param(1_000, MINUTE, id="many: within a minute"),
    ],
)
def test_pull_requests_that_a_push_moved_are_looked_at_by_and_by(count: int, within: float) -> None:
    delays = [look_delay("shop", number, count) for number in range(count)]
    assert (True, True) == (max(delays) <= within, max(delays) >= 0.8 * within)
    assert delays == [look_delay("shop", number, count) for number in range(count)]


def test_a_share_is_below_one() -> None:
    assert all(0 <= share(name) < 1 for name in MANY)
