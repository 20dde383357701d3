"""What a delivery, a workload change and an order cost on AWS: counted, as the documents say, and never more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.aws.bills import PRICES, bills, fill, table
from tests.infra.aws.story import AmazonStory

DOCUMENT = Path(__file__).parents[3] / "docs" / "costs.md"


@pytest.mark.parametrize(
    ("few", "many"),
    [
        pytest.param(200, 1_000, id="short"),
        pytest.param(1_000, 100_000, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_what_things_cost_is_as_documented_and_does_not_grow_with_the_ledger(
    always_cold: AmazonStory, few: int, many: int
) -> None:
    always_cold.begin()
    always_cold.cloud.api("PUT", "/shop/safety", {"cooldown": "0s"})
    fill(always_cold, 0, few)
    found = bills(always_cold, 1, 2)
    fill(always_cold, few, many)
    assert found == bills(always_cold, 3)
    others = [row for row in table(found) if row not in DOCUMENT.read_text().splitlines()]
    assert not others, "\n".join(["the calls are others now: write these rows into docs/costs.md", *others])


def test_the_prices_are_as_documented() -> None:
    text = DOCUMENT.read_text()
    assert [] == [name for name, price in PRICES.items() if f"${price:.3f}".rstrip("0") not in text]
