from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.clients.sqlite import SqliteStore, open_database
from shared.errors import Unavailable
from shared.model.messages import Message
from shared.model.records import Key, Put, Record
from shared.ports.state import Batch
from shared.services.deadlines import Busy, Late
from shared.services.intake import Intake

PATIENCE = 30.0
GOES_ON = """
import sys, time
from shared.clients.sqlite import SqliteStore, open_database
from shared.model.records import Key, Put
from shared.services.deadlines import Late
from shared.services.intake import Intake

database = open_database(sys.argv[1])
with database.write():
    try:
        Intake(SqliteStore(database)).take(0.01, ([Put(Key("kept", "a"), b"1")], []), lambda failure: None)
    except Late:
        sys.stdout.write("late")
"""


class Gated:
    """The real store; each `commit_each` waits at the gate, and is told to `meddle` first."""

    def __init__(self, store: SqliteStore, gate: threading.Event) -> None:
        self.store = store
        self.gate = gate
        self.sizes: list[int] = []
        self.arrived = threading.Event()
        self.meddle: Callable[[Sequence[Batch]], None] = lambda _: None

    def commit_each(self, batches: Sequence[Batch]) -> None:
        self.sizes.append(len(batches))
        self.arrived.set()
        assert self.gate.wait(PATIENCE)
        self.meddle(batches)
        self.store.commit_each(batches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What commits wait for, opened at the latest when the test is over."""
    found = threading.Event()
    yield found
    found.set()


@pytest.fixture
def store(tmp_path: Path, gate: threading.Event) -> Iterator[Gated]:
    database = open_database(tmp_path / "state.sqlite")
    yield Gated(SqliteStore(database), gate)
    gate.set()
    database.close()


def batch(name: str) -> Batch:
    return [Put(Key("kept", name), name.encode())], [Message(f"m-{name}", "workload_admission", "reviews", {})]


class Told:
    """Hears what came of commits."""

    def __init__(self) -> None:
        self.failures: list[Exception | None] = []
        self.heard = threading.Condition()

    def __call__(self, failure: Exception | None) -> None:
        with self.heard:
            self.failures.append(failure)
            self.heard.notify_all()

    def wait(self, count: int) -> list[Exception | None]:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.failures) == count, PATIENCE)
        return self.failures


def wait_behind(intake: Intake, store: Gated, told: Told, names: Sequence[str]) -> None:
    """Have commits wait behind the first of them, which waits at the gate."""
    for name in names:
        with pytest.raises(Late):
            intake.take(0.001, batch(name), told)
        assert store.arrived.wait(PATIENCE)


def kept(store: Gated) -> list[Record]:
    return store.store.query("kept")


def test_what_was_taken_is_in_the_store_when_the_call_returns(store: Gated, gate: threading.Event) -> None:
    gate.set()
    told = Told()
    intake = Intake(store)
    for name in "abc":
        intake.take(PATIENCE, batch(name), told)
        assert name.encode() == kept(store)[-1].value
    assert [None] * 3 == told.failures


def test_calls_that_wait_meanwhile_share_a_commit(store: Gated, gate: threading.Event) -> None:
    intake, told = Intake(store, slow=PATIENCE), Told()
    wait_behind(intake, store, told, [f"{number}" for number in range(9)])
    gate.set()
    told.wait(9)
    assert ([1, 8], 9) == (store.sizes, len(kept(store)))


def test_one_who_waits_too_long_is_late_and_is_told_later(store: Gated, gate: threading.Event) -> None:
    told = Told()
    with pytest.raises(Late):
        Intake(store).take(0.01, batch("a"), told)
    assert ([], []) == (told.failures, kept(store))
    gate.set()
    assert ([None], 1) == (told.wait(1), len(kept(store)))


def test_while_too_many_are_late_nothing_is_begun(store: Gated, gate: threading.Event) -> None:
    intake, told = Intake(store, 2), Told()
    for name in "ab":
        with pytest.raises(Late):
            intake.take(0.01, batch(name), told)
    with pytest.raises(Busy):
        intake.take(PATIENCE, batch("c"), told)
    gate.set()
    told.wait(2)
    intake.take(PATIENCE, batch("d"), told)
    assert [b"a", b"b", b"d"] == [record.value for record in kept(store)]


def test_what_is_wrong_with_one_is_no_reason_for_others_to_fail(store: Gated, gate: threading.Event) -> None:
    def refuse(batches: Sequence[Batch]) -> None:
        if any(write.key.sort == "bad" for writes, _ in batches for write in writes):
            raise ValueError("this one cannot be written")

    store.meddle = refuse
    intake, told = Intake(store, slow=PATIENCE), Told()
    wait_behind(intake, store, told, ["first", "good", "bad", "better"])
    gate.set()
    failures = told.wait(4)
    assert ["better", "first", "good"] == [record.key.sort for record in kept(store)]
    assert [ValueError] == [type(failure) for failure in failures if failure]


def test_while_the_store_is_away_all_who_wait_are_told_so_at_once(store: Gated, gate: threading.Event) -> None:
    def away(_: Sequence[Batch]) -> None:
        raise Unavailable("the disk is full")

    store.meddle = away
    intake, told = Intake(store, slow=PATIENCE), Told()
    wait_behind(intake, store, told, "abc")
    gate.set()
    assert ([Unavailable] * 3, []) == ([type(failure) for failure in told.wait(3)], kept(store))
    assert [1, 2] == store.sizes


def test_while_one_commit_hangs_others_are_done_by_threads_that_join_in(store: Gated, gate: threading.Event) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(batches: Sequence[Batch]) -> None:
        if batches[0][0][0].key.sort == "hangs":
            hangs.set()
            assert goes_on.wait(PATIENCE)

    store.meddle = hang
    gate.set()
    intake, told = Intake(store, slow=0.0), Told()
    with pytest.raises(Late):
        intake.take(0.001, batch("hangs"), told)
    assert hangs.wait(PATIENCE)
    for name in "ab":
        with pytest.raises(Late):
            intake.take(0.0, batch(name), told)
    assert ([None, None], ["a", "b"]) == (told.wait(2), [record.key.sort for record in kept(store)])
    goes_on.set()
    assert [None] * 3 == told.wait(3)


def test_a_writer_outlives_one_who_cannot_hear(store: Gated, gate: threading.Event) -> None:
    def deaf(_: Exception | None) -> None:
        raise RuntimeError("not now")

    gate.set()
    intake, told = Intake(store), Told()
    intake.take(PATIENCE, batch("a"), deaf)
    intake.take(PATIENCE, batch("b"), told)
    assert ["a", "b"] == [record.key.sort for record in kept(store)]


def test_what_is_late_ends_before_its_process(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    ended = subprocess.run([sys.executable, "-c", GOES_ON, str(path)], capture_output=True, check=True, text=True)
    database = open_database(path)
    assert ("late", 1) == (ended.stdout, len(SqliteStore(database).query("kept")))
    database.close()
