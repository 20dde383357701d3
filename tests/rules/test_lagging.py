from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.model.experiments import Edit, SyncState
from shared.model.orders import Dispatched
from shared.model.statuses import Looked
from shared.rules.lagging import forgotten, lags, overdue, unseen

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
EARLIER, JUST_NOW, LATER = "2026-01-01T11:58:00.000Z", "2026-01-01T11:59:30.000Z", "2026-01-01T13:00:00.000Z"
SYNCED = SyncState(dirty=3, clean=3, commit="c1", head="c1")
ORDER = Dispatched("o1", "shop", "L", "eu", "run", EARLIER, LATER, "ready")
EDIT = Edit("e1", "shop", "L", "cart.yaml", b"", None, "Ada", EARLIER)


def an_order(**changes: Any) -> Dispatched:
    return msgspec.structs.replace(ORDER, **changes)


@pytest.mark.parametrize(
    ("state", "head", "expected"),
    [
        pytest.param(SYNCED, "c1", False, id="equal"),
        pytest.param(SYNCED, "c2", True, id="the branch moved"),
        pytest.param(SYNCED, None, True, id="the branch is gone"),
        pytest.param(msgspec.structs.replace(SYNCED, dirty=4), "c1", True, id="dirty"),
        pytest.param(msgspec.structs.replace(SYNCED, problem="away"), "c1", True, id="degraded"),
    ],
)
def test_a_project_lags(state: SyncState, head: str | None, expected: bool) -> None:
    assert expected is lags(state, head)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="pending for long"),
        pytest.param({"at": JUST_NOW}, False, id="its own message is still on its way"),
        pytest.param({"state": "conflict"}, False, id="a person has to decide"),
    ],
)
def test_an_edit_is_forgotten(changes: dict[str, Any], expected: bool) -> None:
    assert expected is forgotten(msgspec.structs.replace(EDIT, **changes), NOW)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="ready for long"),
        pytest.param({"state": "waiting"}, True, id="waiting for long"),
        pytest.param({"created_at": JUST_NOW}, False, id="young"),
        pytest.param({"attempts": 1}, True, id="tried: its message may be lost"),
        pytest.param({"attempts": 1, "not_after": EARLIER}, True, id="tried, and expired"),
        pytest.param({"state": "held"}, False, id="held for another order"),
        pytest.param({"state": "held", "not_after": EARLIER}, True, id="held beyond its time"),
        pytest.param({"created_at": JUST_NOW, "not_after": JUST_NOW}, True, id="expired"),
        pytest.param({"state": "taken"}, False, id="taken"),
        pytest.param({"state": "taken", "not_after": EARLIER}, True, id="taken, and not heard of in time"),
    ],
)
def test_an_order_is_overdue(changes: dict[str, Any], expected: bool) -> None:
    order = an_order(**changes)
    assert ([order] if expected else []) == overdue([order], NOW)


def test_orders_behind_one_that_was_tried_stand_in_line() -> None:
    first, tried, behind = an_order(id="o0"), an_order(id="o1", attempts=2), an_order(id="o2")
    expired = an_order(id="o3", not_after=EARLIER)
    assert [first, tried, expired] == overdue([first, tried, behind, expired], NOW)


def test_pull_requests_are_due_that_nobody_looked_at_as_they_are_and_those_that_closed() -> None:
    heads = {1: "h1", 2: "h2", 3: "h3", 4: "h4"}
    known = ((1, "h1", "main"), (2, "old", "main"), (3, "h3", "before"), (5, "h", "main"))
    looked = [Looked(number, head, "b1", EARLIER, "success", onto=onto) for number, head, onto in known]
    assert [2, 3, 4, 5] == unseen(heads, "main", looked)
