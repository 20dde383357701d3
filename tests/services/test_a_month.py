"""Thirty simulated days under safety rules that chance made: none is broken, and every refusal is explained."""

from __future__ import annotations

import pytest

from tests.payloads import SEED
from tests.services.dispatch_stage import Stage
from tests.services.month import Month
from tests.services.tried import Tried


@pytest.mark.parametrize(
    ("seed", "least"), [pytest.param(1, 20, id="seed-1"), pytest.param(SEED, 0, id="the-seed-of-this-run")]
)
def test_thirty_days_under_rules_that_chance_made_break_none_and_explain_each_refusal(
    stage: Stage, seed: int, least: int
) -> None:
    month = Month(stage, seed, triggers=60)
    month.play()
    assert [] == Tried(month).violations(), month.safety
    assert len(month.starts) >= least


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(40))
def test_many_months_do_too(stage: Stage, number: int) -> None:
    month = Month(stage, SEED + number, triggers=150)
    month.play()
    assert [] == Tried(month).violations(), month.safety
