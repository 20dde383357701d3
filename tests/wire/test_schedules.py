from __future__ import annotations

import pytest

from tests.wire.manifest_texts import CRON, manifest, problem, swapped


@pytest.mark.parametrize(
    "when",
    [
        "schedule: '@daily'",
        "schedule: '@every 1h30m'",
        "schedule: '*/15 0-6,22 ? JAN-mar sun'",
        "schedule: CRON_TZ=Asia/Tokyo 0 9 * * *",
        "schedule: TZ=UTC @hourly",
        "schedules: ['0 0 1 1 *', '5/10 * * * *']",
        "timezone: Local\n  schedule: 0 0 * * 0",
        "timezone: ''\n  schedule: 0 0 * * 6",
    ],
)
def test_schedules_that_argo_reads_are_valid(when: str) -> None:
    text = swapped(CRON, "schedule: 30 2 * * 1-5\n  timezone: Europe/Berlin", when)

    assert manifest(text).kind == "CronWorkflow"


@pytest.mark.parametrize(
    ("when", "said"),
    [
        pytest.param("x: y", "spec has no schedule; give it", id="none"),
        pytest.param(
            "schedule: 61 * * * *", "spec.schedule: '61' is no minute of a cron expression (0 to 59)", id="no minute"
        ),
        pytest.param("schedule: 0 0 0 * *", "'0' is no day", id="no day"),
        pytest.param("schedule: 0 0 * 13 *", "'13' is no month", id="no month"),
        pytest.param("schedule: 0 0 * * 7", "'7' is no weekday", id="no weekday"),
        pytest.param("schedule: 0 0 * * 5-2", "'5-2' is no weekday", id="backwards"),
        pytest.param("schedule: 0 0 * may mon-", "'mon-' is no weekday", id="half a range"),
        pytest.param("schedule: 0 0 * * someday", "'someday' is no weekday", id="no name"),
        pytest.param("schedule: 0 mon * * *", "'mon' is no hour", id="a name out of place"),
        pytest.param("schedule: '*/0 * * * *'", "'*/0' is no minute", id="a step of nothing"),
        pytest.param("schedule: '? * * * *'", "'?' is no minute", id="a question mark out of place"),
        pytest.param("schedule: 100 * * * *", "'100' is no minute", id="three digits"),
        pytest.param("schedule: 0 0 * *", "has 4 fields; write minute", id="four fields"),
        pytest.param("schedule: 0 0 0 * * *", "has 6 fields", id="six fields"),
        pytest.param("schedule: '@never'", "has 1 fields", id="no nickname"),
        pytest.param("schedule: '@every day'", "'day' is no duration", id="no duration"),
        pytest.param("schedule: TZ=Mars/Base 0 0 * * *", "'Mars/Base' is no time zone", id="no zone"),
        pytest.param(
            "schedule: 0 0 * * *\n  timezone: Berlin", "spec.timezone: 'Berlin' is no time zone", id="no timezone"
        ),
        pytest.param("schedule: 0 0 * * *\n  timezone: ../etc/passwd", "is no time zone", id="a path as timezone"),
        pytest.param("schedule: 0 0 * * *\n  timezone: America", "is no time zone", id="a folder as timezone"),
        pytest.param("schedules: [0 0 * * *, 0 0 * *]", "spec.schedules[1]: ", id="one of several"),
    ],
)
def test_schedules_that_argo_refuses_are_problems(when: str, said: str) -> None:
    found = problem(swapped(CRON, "schedule: 30 2 * * 1-5\n  timezone: Europe/Berlin", when))

    assert said in found.message


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("schedule: 30 2 * * *", ("30 2 * * *",), id="without a time zone"),
        pytest.param("schedule: '@daily'\n  timezone: Local", ("@daily",), id="the controller's own"),
        pytest.param(
            "schedules: [0 1 * * *, 'TZ=Asia/Tokyo 0 9 * * *']\n  timezone: Europe/Berlin",
            ("TZ=Europe/Berlin 0 1 * * *", "TZ=Asia/Tokyo 0 9 * * *"),
            id="each with its own",
        ),
    ],
)
def test_a_cron_workflow_says_when_it_runs(when: str, expected: tuple[str, ...]) -> None:
    found = manifest(swapped(CRON, "schedule: 30 2 * * 1-5\n  timezone: Europe/Berlin", when))

    assert expected == found.schedules
