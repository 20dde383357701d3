from __future__ import annotations

import pytest

from shared.errors import Stale
from shared.model.records import ABSENT, Check, Delete, Key, Put, Record
from tests.clients.conformance.engines import RETENTION, Engine

HERE, THERE = Key("ledger/shop", "1"), Key("ledger/shop", "2")


def age(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"old", ages=True), Put(THERE, b"stays")])
    engine.clock.advance(RETENTION)


def test_a_record_that_ages_is_there_until_its_time(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"old", ages=True)])
    engine.clock.advance(RETENTION - 1)
    assert Record(HERE, b"old", 1) == engine.store.get(HERE)


def test_a_record_that_aged_is_shown_to_nobody(engine: Engine) -> None:
    age(engine)
    assert engine.store.get(HERE) is None
    assert {THERE: Record(THERE, b"stays", 1)} == engine.store.get_many([HERE, THERE])
    assert [THERE] == [record.key for record in engine.store.query(HERE.partition)]
    assert [THERE] == [record.key for record in engine.store.query(HERE.partition, newest_first=True)]
    assert [THERE] == [record.key for record in engine.store.query_many([HERE.partition])[HERE.partition]]


def test_those_that_aged_do_not_shorten_a_page(engine: Engine) -> None:
    engine.store.commit([Put(Key("p", f"a{n:02}"), b"", ages=True) for n in range(30)])
    engine.clock.advance(RETENTION)
    engine.store.commit([Put(Key("p", f"b{n:02}"), b"") for n in range(5)])
    assert 5 == len(engine.store.query("p", limit=5))
    assert 5 == len(engine.store.query("p", limit=10))


def test_each_write_makes_it_young_again(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1", ages=True)])
    engine.clock.advance(RETENTION - 1)
    engine.store.commit([Put(HERE, b"2", 1, ages=True)])
    engine.clock.advance(RETENTION - 1)
    assert Record(HERE, b"2", 2) == engine.store.get(HERE)
    engine.store.commit([Put(HERE, b"3", ages=True)])
    engine.clock.advance(RETENTION - 1)
    assert Record(HERE, b"3", 3) == engine.store.get(HERE)


def test_a_write_that_does_not_age_makes_it_stay(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1", ages=True)])
    engine.store.commit([Put(HERE, b"2")])
    engine.clock.advance(RETENTION)
    assert Record(HERE, b"2", 2) == engine.store.get(HERE)


def test_a_record_that_aged_is_absent_to_conditions_too(engine: Engine) -> None:
    age(engine)
    for stale in (Check(HERE, 1), Put(HERE, b"new", 1), Delete(HERE, 1)):
        with pytest.raises(Stale):
            engine.store.commit([stale])
    engine.store.commit([Check(HERE, ABSENT)])
    engine.store.commit([Put(HERE, b"new", ABSENT)])
    assert Record(HERE, b"new", 1) == engine.store.get(HERE)


def test_what_is_put_in_place_of_one_that_aged_starts_at_version_one(engine: Engine) -> None:
    age(engine)
    engine.store.commit([Put(HERE, b"new")])
    assert Record(HERE, b"new", 1) == engine.store.get(HERE)


def test_tidying_takes_nothing_that_still_counts(engine: Engine) -> None:
    age(engine)
    engine.store.commit([Put(Key("ledger/shop", "3"), b"young", ages=True)])
    engine.store.tidy()
    assert 0 == engine.store.tidy()
    assert [b"stays", b"young"] == [record.value for record in engine.store.query(HERE.partition)]
