from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.sqlite import SqliteStore, open_database
from shared.model.records import Delete, Key, Put
from shared.services.remembering import Remembering


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    database = open_database(tmp_path / "state.sqlite")
    found = SqliteStore(database)
    found.commit([Put(Key("p", sort), b"") for sort in ("a1", "a2", "b1")])
    yield found
    database.close()


def sorts(store: SqliteStore | Remembering, prefix: str = "", after: str | None = None, limit: int = 100) -> list[str]:
    return [one.key.sort for one in store.query("p", prefix=prefix, after=after, limit=limit)]


def test_a_list_is_as_it_is_now_unless_it_was_read_with_others(store: SqliteStore) -> None:
    near = Remembering(store)
    assert ["a1", "a2", "b1"] == sorts(near)
    store.commit([Delete(Key("p", "a1"))])
    assert ["a2", "b1"] == sorts(near)
    near.query_many(["p", "q"])
    store.commit([Delete(Key("p", "a2")), Put(Key("q", "new"), b"")])
    assert (["a2", "b1"], []) == (sorts(near), near.query("q"))


@pytest.mark.parametrize(
    ("prefix", "after", "limit"),
    [
        pytest.param("a", None, 100, id="a-prefix"),
        pytest.param("", "a1", 100, id="a-cursor"),
        pytest.param("b", "a2", 1, id="all-of-it"),
        pytest.param("", None, 2, id="a-limit"),
    ],
)
def test_of_a_list_that_is_remembered_any_part_can_be_had(
    store: SqliteStore, prefix: str, after: str | None, limit: int
) -> None:
    near = Remembering(store)
    near.query_many(["p"])
    assert sorts(store, prefix, after, limit) == sorts(near, prefix, after, limit)


def test_a_list_that_may_go_on_is_not_remembered(store: SqliteStore) -> None:
    near = Remembering(store)
    near.query_many(["p"], limit=3)
    store.commit([Put(Key("p", "c1"), b"")])
    assert ["a1", "a2", "b1", "c1"] == sorts(near)


def test_the_newest_are_always_asked_for(store: SqliteStore) -> None:
    near = Remembering(store)
    near.query_many(["p"])
    store.commit([Put(Key("p", "c1"), b"")])
    assert ["c1"] == [one.key.sort for one in near.query("p", newest_first=True, limit=1)]


def test_whoever_commits_looks_afresh(store: SqliteStore) -> None:
    near = Remembering(store)
    near.query_many(["p"])
    near.commit([Delete(Key("p", "a1"))])
    assert ["a2", "b1"] == sorts(near)
