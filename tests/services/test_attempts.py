from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shared.clients.sqlite import Database, SqliteStore
from shared.errors import NotFound, Stale
from shared.model.experiments import SyncState
from shared.services.attempts import TRIES, until_fresh
from shared.services.dirt import dirty
from shared.services.tables import SYNCS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(Database(tmp_path / "state.db")) as database:
        yield SqliteStore(database)


def test_what_was_stale_is_done_again() -> None:
    left = [Stale("lost"), Stale("lost again")]

    def act() -> str:
        if left:
            raise left.pop()
        return "done"

    assert "done" == until_fresh(act)


def test_the_last_stale_is_let_out_within_seconds() -> None:
    tried: list[float] = []

    def act() -> None:
        tried.append(time.monotonic())
        raise Stale("lost")

    with pytest.raises(Stale):
        until_fresh(act)
    assert TRIES == len(tried)
    assert tried[-1] - tried[0] < 3


def test_any_other_error_is_let_out_at_once() -> None:
    tried: list[int] = []

    def act() -> None:
        tried.append(1)
        raise NotFound("gone")

    with pytest.raises(NotFound):
        until_fresh(act)
    assert [1] == tried


def test_thirty_two_that_want_one_record_all_get_it(store: SqliteStore) -> None:
    def mark(number: int) -> None:
        until_fresh(lambda: store.commit(*dirty(store, lambda: f"m-{number}", "shop")))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(mark, range(320)))
    assert 320 == SYNCS.load_or(store, SyncState(), "shop").value.dirty
