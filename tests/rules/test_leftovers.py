from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.model.texts import Unused
from shared.rules.leftovers import KEPT, LOOK, Leftovers, leftovers

NOW = datetime(2026, 1, 10, tzinfo=UTC)
AT, LATELY, LONG_AGO = "2026-01-10T00:00:00.000Z", "2026-01-05T00:00:00.001Z", "2026-01-05T00:00:00.000Z"


@pytest.mark.parametrize(
    ("texts", "marks", "used", "expected"),
    [
        pytest.param({"a": 1}, {}, {"a"}, Leftovers({}, (), ()), id="used"),
        pytest.param({"a": 2}, {}, {"b"}, Leftovers({"a": Unused(AT, 2)}, (), ()), id="unused as of now"),
        pytest.param({"a": 1}, {"a": Unused(LATELY, 1)}, set(), Leftovers({}, (), ()), id="unused for some days"),
        pytest.param({"a": 1}, {"a": Unused(LONG_AGO, 1)}, set(), Leftovers({}, (), ("a",)), id="unused for long"),
        pytest.param(
            {"a": 2}, {"a": Unused(LONG_AGO, 1)}, set(), Leftovers({"a": Unused(AT, 2)}, (), ()), id="written anew"
        ),
        pytest.param({"a": 1}, {"a": Unused(LONG_AGO, 1)}, {"a"}, Leftovers({}, ("a",), ()), id="used again"),
        pytest.param({}, {"a": Unused(LONG_AGO, 1)}, set(), Leftovers({}, ("a",), ()), id="gone by itself"),
    ],
)
def test_a_text_is_over_once_it_was_unused_and_unwritten_for_days(
    texts: dict[str, int], marks: dict[str, Unused], used: set[str], expected: Leftovers
) -> None:
    assert expected == leftovers(texts, marks, used, NOW, AT)


def test_a_text_is_over_at_the_look_after_the_one_that_found_it_unused() -> None:
    assert KEPT < LOOK * 0.8
