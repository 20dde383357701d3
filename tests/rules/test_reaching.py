from datetime import UTC, datetime, timedelta

import pytest

from shared.model.reaches import Reach
from shared.rules.reaching import OPENS_AT, PROBE, SLOWEST, failed, left, pause, probed

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(failures: int) -> Reach:
    reach = Reach()
    for _ in range(failures):
        reach = failed(reach, "busy", NOW, 0.0)
    return reach


def test_a_subscriber_that_was_always_reached_may_be_tried() -> None:
    assert (0.0, "closed") == (left(Reach(), NOW), Reach().state)


@pytest.mark.parametrize(
    ("failures", "state", "seconds"),
    [
        (1, "closed", 2.0),
        (2, "closed", 4.0),
        (OPENS_AT - 1, "closed", 16.0),
        (OPENS_AT, "open", 32.0),
        (40, "open", 60),
    ],
)
def test_failures_in_a_row_pause_it_for_longer_and_open_its_circuit(failures: int, state: str, seconds: float) -> None:
    reach = after(failures)
    assert (failures, "busy", state) == (reach.failures, reach.reason, reach.state)
    assert seconds == left(reach, NOW)
    assert 0.0 == left(reach, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(("luck", "share"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_chance_takes_up_to_half_of_a_pause(luck: float, share: float) -> None:
    assert SLOWEST * share == pause(1000, luck)


def test_a_circuit_is_open_since_it_was_opened_not_since_the_last_failure() -> None:
    opened = after(OPENS_AT)
    later = failed(opened, "busy", NOW + timedelta(hours=1), 0.0)
    assert ("2026-01-01T12:00:00.000Z", opened.since) == (later.since, opened.since)


def test_while_one_tries_the_others_wait_for_its_outcome() -> None:
    assert PROBE == left(probed(after(1), NOW + timedelta(seconds=2)), NOW + timedelta(seconds=2))
