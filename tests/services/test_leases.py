from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.sqlite import SqliteStore, open_database
from shared.errors import Stale
from shared.model.records import Key, Put
from shared.services.leases import Leases
from shared.services.tables import LEASES, Lease, Versioned, unchanged
from tests.clients.conformance.engines import ManualClock


class Parts:
    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.leases = Leases(store, clock)

    def taken(self, name: str, holder: str, seconds: float = 60.0) -> Versioned[Lease]:
        lease = self.leases.take(name, holder, seconds)
        assert lease is not None
        return lease


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    database, clock = open_database(tmp_path / "state.sqlite"), ManualClock()
    yield Parts(SqliteStore(database, clock), clock)
    database.close()


def test_a_free_lease_is_taken_and_bears_its_number(parts: Parts) -> None:
    lease = parts.taken("sync/shop", "one", 60)
    assert Versioned(LEASES.key("sync/shop"), Lease("one", "2100-01-01T00:01:00.000Z"), 1) == lease


def test_a_lease_is_refused_while_another_holds_it(parts: Parts) -> None:
    parts.taken("sync/shop", "one", 60)
    parts.clock.advance(59.9)
    assert parts.leases.take("sync/shop", "two", 60) is None
    assert "two" == parts.taken("sync/bank", "two").value.holder


def test_an_expired_lease_passes_on_and_fences_its_holder_off(parts: Parts) -> None:
    first = parts.taken("sync/shop", "one", 60)
    parts.clock.advance(60)
    second = parts.taken("sync/shop", "two")
    assert second.version > first.version
    with pytest.raises(Stale, match="lease/sync/shop"):
        parts.store.commit([unchanged(first), Put(Key("sync", "shop"), b"from the one who was late")])
    parts.store.commit([unchanged(second), Put(Key("sync", "shop"), b"from the one who holds it")])


def test_the_same_holder_takes_its_lease_anew(parts: Parts) -> None:
    first = parts.taken("sync/shop", "one", 60)
    parts.clock.advance(30)
    second = parts.taken("sync/shop", "one", 60)
    assert ("2100-01-01T00:01:30.000Z", first.version + 1) == (second.value.until, second.version)


def test_a_released_lease_is_free_and_its_number_still_grows(parts: Parts) -> None:
    first = parts.taken("sync/shop", "one")
    parts.leases.release(first)
    assert parts.taken("sync/shop", "two").version > first.version


def test_a_release_that_comes_late_does_not_touch_the_next_holder(parts: Parts) -> None:
    first = parts.taken("sync/shop", "one", 60)
    parts.clock.advance(60)
    second = parts.taken("sync/shop", "two")
    parts.leases.release(first)
    assert parts.leases.take("sync/shop", "three", 60) is None
    parts.store.commit([unchanged(second)])


def test_all_leases_are_void_after_a_restart_and_their_holders_are_fenced_off(parts: Parts) -> None:
    held = [parts.taken(f"sync/{number:03}", "before") for number in range(150)]
    ended = parts.taken("sync/ended", "before")
    parts.leases.release(ended)
    parts.leases.void_all()
    for lease in held:
        assert "after" == parts.taken(lease.key.sort, "after").value.holder
        with pytest.raises(Stale):
            parts.store.commit([unchanged(lease)])
