from __future__ import annotations

import re

import pytest

from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Delete, Key, Put, Record
from shared.ports.state import Batch
from tests.clients.conformance.engines import Engine

HERE = Key("project", "shop")
MANY = 25
"""More than share a transaction where any do."""


def numbered(number: int) -> Batch:
    name = f"{number:02}"
    return [Put(Key("p", name), b"", ABSENT)], [Message(f"m{name}", "sync", "project", {"project": name})]


def there(engine: Engine) -> tuple[list[str], list[str]]:
    claimed = {one.message.ids["project"] for one in engine.queue.receive(100, 60)}
    return [record.key.sort for record in engine.store.query("p")], sorted(claimed)


def test_commits_in_a_row_are_all_done(engine: Engine) -> None:
    engine.store.commit_each([numbered(number) for number in range(MANY)])
    names = [f"{number:02}" for number in range(MANY)]
    assert (names, names) == there(engine)


@pytest.mark.parametrize("turn", [pytest.param(0, id="the-first"), pytest.param(12, id="one-of-the-next-transaction")])
def test_those_before_a_stale_one_stay_and_it_leaves_nothing(engine: Engine, turn: int) -> None:
    engine.store.commit([Put(HERE, b"old")])
    batches = [numbered(number) for number in range(MANY)]
    writes, messages = batches[turn]
    batches[turn] = [*writes, Put(HERE, b"new", 7)], messages
    with pytest.raises(Stale, match=re.escape("project/shop ")):
        engine.store.commit_each(batches)
    names = [f"{number:02}" for number in range(turn)]
    assert (names, names) == there(engine)
    assert Record(HERE, b"old", 1) == engine.store.get(HERE)


def test_one_commit_finds_what_the_one_before_it_wrote(engine: Engine) -> None:
    engine.store.commit_each([([Put(HERE, b"1", ABSENT)], []), ([Put(HERE, b"2", 1)], []), ([Delete(HERE, 2)], [])])
    assert engine.store.get(HERE) is None


def test_no_commits_do_nothing(engine: Engine) -> None:
    engine.store.commit_each([])
    assert ([], []) == there(engine)


def test_each_of_them_is_bounded_as_one_is(engine: Engine) -> None:
    writes = [Put(Key("p", str(number)), b"") for number in range(101)]
    engine.store.commit_each([(writes[:100], []), (writes[100:], [])])
    with pytest.raises(ValueError, match="at most 100 fit"):
        engine.store.commit_each([(writes, [])])
