"""What calls cost, counted from real ones: nothing grows with what is kept."""

from __future__ import annotations

import pytest

from shared.clients.dynamodb.layout import SHARDS
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Check, Delete, Key, Put
from tests.aws_costs import counted
from tests.clients.dynamodb.conftest import Place

HERE, THERE = Key("project", "shop"), Key("project", "bank")
MESSAGE = Message("m", "sync", "project", {"project": "shop"})
EVENT = b'{"at":"2100-01-01T00:00:00.000Z","kind":"change","verdict":"triggered"}' * 10


@pytest.mark.parametrize(
    ("writes", "messages", "requests", "units"),
    [
        pytest.param([Put(HERE, b"1", ABSENT)], [], {"PutItem": 1}, 1, id="a-put-alone"),
        pytest.param([Put(HERE, b"1")], [], {"TransactWriteItems": 1}, 2, id="a-put-on-whatever-is-there"),
        pytest.param(
            [Put(HERE, b"1", ABSENT), Put(THERE, b"1"), Check(Key("p", "s"), ABSENT)],
            [MESSAGE],
            {"TransactWriteItems": 1, "SendMessageBatch": 1},
            8,
            id="a-commit-with-a-message",
        ),
        pytest.param([Delete(HERE)], [], {"TransactWriteItems": 1}, 2, id="a-delete"),
    ],
)
def test_a_commit_costs_a_unit_an_item_and_twice_that_in_a_transaction(
    place: Place, writes: list[Put], messages: list[Message], requests: dict[str, int], units: float
) -> None:
    place.store.commit([], [Message("before", "sync", "project", {})])
    with counted(place.aws) as costs:
        place.store.commit(writes, messages)
    assert (requests, 0.0, units, len(messages)) == (costs.requests, costs.reads, costs.writes, costs.messages)


def test_a_commit_that_is_stale_is_paid_for_and_sends_nothing(place: Place) -> None:
    with counted(place.aws) as costs, pytest.raises(Stale):
        place.store.commit([Put(HERE, b"2", 1)], [MESSAGE])
    assert (1, 0.0, 4.0, 0) == costs.as_numbers()


def test_a_message_costs_two_units_to_send_one_to_claim_and_one_to_be_done(place: Place) -> None:
    place.store.commit([], [Message("before", "sync", "project", {})])
    with counted(place.aws) as costs:
        place.store.commit([], [MESSAGE])
        claimed = place.queue.claim("m", 60)
        assert claimed is not None
        place.queue.ack(claimed)
    assert {"TransactWriteItems": 1, "SendMessageBatch": 1, "UpdateItem": 1, "DeleteItem": 1} == costs.requests
    assert (0.0, 4.0, 1) == (costs.reads, costs.writes, costs.messages)


def test_a_value_is_paid_for_as_small_as_it_can_be_made(place: Place) -> None:
    with counted(place.aws) as costs:
        place.store.commit([Put(HERE, b"kind: Workflow\n" * 1_000, ABSENT)])
    assert 1.0 == costs.writes


def test_an_idle_queue_costs_a_unit_a_shard_to_look_at(place: Place) -> None:
    with counted(place.aws) as costs:
        place.store.tidy()
    assert (SHARDS, float(SHARDS), 0.0, 0) == costs.as_numbers()


def of_a_ledger(place: Place, rows: int) -> list[tuple[int, float, float, int]]:
    """Return what a commit, the newest page, the page after that and one row cost with so many rows in the ledger."""
    partition = f"ledger/shop/{rows:06}"
    names = [f"{number:08}" for number in range(rows)]
    for start in range(0, rows, 100):
        place.store.commit([Put(Key(partition, name), EVENT, ABSENT, ages=True) for name in names[start : start + 100]])
    told = [Put(Key(partition, "9"), EVENT, ABSENT, ages=True), Put(Key("tracked/c1", f"{rows:06}"), EVENT)]
    found = []
    with counted(place.aws) as costs:
        place.store.commit(told, [Message(f"m{rows:06}", "dispatch", "trigger", {"event": "9"})])
        found.append(costs.as_numbers())
        page = place.store.query(partition, newest_first=True)
        found.append(costs.as_numbers())
        place.store.query(partition, after=page[-1].key.sort, newest_first=True)
        found.append(costs.as_numbers())
        place.store.get(Key(partition, names[rows // 2]))
        found.append(costs.as_numbers())
    return found


@pytest.mark.parametrize(
    ("few", "many"),
    [
        pytest.param(1_000, 5_000, id="short"),
        pytest.param(1_000, 100_000, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_what_a_ledger_costs_does_not_grow_with_it(honest: Place, few: int, many: int) -> None:
    honest.store.commit([], [Message("before", "dispatch", "trigger", {})])
    assert of_a_ledger(honest, few) == of_a_ledger(honest, many)
