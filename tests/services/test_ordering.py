from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.clients.sqlite import Database, SqliteStore
from shared.model.messages import Message
from shared.model.orders import Action, Dispatched, OrderState
from shared.services.ordering import Ordering, Work, lastly
from shared.services.tables import ORDERS
from tests.clients.conformance.engines import ManualClock

RETENTION = 3600.0


@pytest.mark.parametrize(
    ("action", "state", "stays"),
    [
        pytest.param("run", "done", False, id="a-run-that-ended"),
        pytest.param("run", "taken", True, id="a-run-under-way"),
        pytest.param("prove", "refused", False, id="a-proof-that-failed"),
        pytest.param("install", "done", True, id="a-schedule-that-is-installed"),
        pytest.param("remove", "done", True, id="a-schedule-that-was-removed"),
    ],
)
def test_orders_that_are_over_are_forgotten_in_time(
    tmp_path: Path, action: Action, state: OrderState, stays: bool
) -> None:
    clock = ManualClock()
    store = SqliteStore(Database(tmp_path / "state.sqlite"), clock, RETENTION)
    order = Dispatched("o1", "shop", "kill", "c1", action, "2100-01-01T00:00:00Z", "2100-01-01T01:00:00Z", "ready")
    store.commit([ORDERS.put(order, "c1", "o1")])
    was = ORDERS.load(store, "c1", "o1")
    assert was is not None
    now = msgspec.structs.replace(order, state=state)
    store.commit(Ordering(store, clock, new_id).moved(was, now).writes)
    clock.advance(RETENTION)
    assert stays == (ORDERS.load(store, "c1", "o1") is not None)


def test_what_several_ask_for_is_asked_once_with_the_last_of_them() -> None:
    status, first, second = (
        Message("", "sync", "status", {"commit": "a"}),
        Message("1", "dispatch", "order", {"order": "o1"}),
        Message("2", "dispatch", "order", {"order": "o2"}),
    )
    works = [Work((), (first, status)), Work((), (msgspec.structs.replace(status, id="again"), second)), Work()]
    assert [["1"], ["again", "2"], []] == [[one.id for one in work.messages] for work in lastly(works)]
