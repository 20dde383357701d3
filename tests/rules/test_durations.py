from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.rules.durations import LONGEST, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0s", 0.0, id="nothing"),
        pytest.param("90s", 90.0, id="seconds"),
        pytest.param("30m", 1800.0, id="minutes"),
        pytest.param("1h30m", 5400.0, id="two units"),
        pytest.param("1d", 86400.0, id="a day"),
        pytest.param("1.5h", 5400.0, id="a fraction"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("2m30s500ms", 150.5, id="three units"),
        pytest.param("5s5s", 10.0, id="the same unit twice, as Go reads it"),
        pytest.param("08m", 480.0, id="a leading zero is decimal"),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "30",
        "m",
        "-5m",
        "5 m",
        "30m ",
        "1h30",
        "5min",
        "1,5h",
        ".5h",
        "5.h",
        "1e3s",
        "\u0665m",
        "30m\n",
        "PT30M",
    ],
)
def test_what_is_no_duration_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(Invalid, match="is no duration; write numbers with units d, h, m, s or ms"):
        seconds(text)


def test_a_long_text_is_quoted_only_in_part() -> None:
    with pytest.raises(Invalid) as caught:
        seconds("x" * 5000)

    assert len(str(caught.value)) < 200


def test_ten_years_is_the_longest() -> None:
    assert seconds("3650d") == LONGEST
    with pytest.raises(Invalid, match="over ten years; use 3650d at most"):
        seconds("3650d1s")
