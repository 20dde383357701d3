from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from shared.services.deadlines import Busy, Deadlines, Late

PATIENCE = 30.0
GOES_ON = """
import sys, time
from shared.services.deadlines import Deadlines, Late

def slow():
    time.sleep(0.3)
    sys.stdout.write("done")

try:
    Deadlines().within(0.01, slow)
except Late:
    sys.stdout.write("late, ")
"""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What overdue work waits for, opened at the latest when the test is over."""
    found = threading.Event()
    yield found
    found.set()


def overdue(deadlines: Deadlines, gate: threading.Event) -> None:
    with pytest.raises(Late):
        deadlines.within(0.01, gate.wait)


def test_what_the_work_returns_is_returned() -> None:
    deadlines = Deadlines()
    assert [0, 1, 2] == [deadlines.within(PATIENCE, iter([number]).__next__) for number in range(3)]


@pytest.mark.parametrize(
    "error",
    [pytest.param(ValueError("no"), id="an error"), pytest.param(TimeoutError("slow"), id="a time-out of its own")],
)
def test_what_the_work_raises_is_raised(error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        Deadlines().within(PATIENCE, work)
    assert error is caught.value


def test_the_work_has_the_context_of_its_call() -> None:
    told = ContextVar("told", default="nothing")
    told.set("a trace")
    assert "a trace" == Deadlines().within(PATIENCE, told.get)


@pytest.mark.parametrize("patience", [pytest.param(0.0, id="none"), pytest.param(-1.0, id="less than none")])
def test_without_patience_work_that_waits_is_late(patience: float, gate: threading.Event) -> None:
    with pytest.raises(Late):
        Deadlines().within(patience, gate.wait)


def test_while_too_much_is_overdue_nothing_is_begun(gate: threading.Event) -> None:
    deadlines = Deadlines(2)
    overdue(deadlines, gate)
    overdue(deadlines, gate)
    begun: list[bool] = []
    with pytest.raises(Busy):
        deadlines.within(PATIENCE, lambda: begun.append(True))
    assert [] == begun


def test_what_was_overdue_and_has_ended_is_no_longer_in_the_way(gate: threading.Event) -> None:
    deadlines = Deadlines(1)
    overdue(deadlines, gate)
    gate.set()
    for _ in range(500):
        try:
            assert "here" == deadlines.within(PATIENCE, lambda: "here")
        except Busy:
            time.sleep(0.01)
        else:
            return
    raise AssertionError


def test_calls_one_after_the_other_share_a_thread() -> None:
    deadlines = Deadlines()
    assert 1 == len({deadlines.within(PATIENCE, threading.get_ident) for _ in range(50)})


def test_calls_at_one_time_do_not_wait_for_each_other() -> None:
    deadlines, meeting = Deadlines(), threading.Barrier(8, timeout=PATIENCE)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(deadlines.within, PATIENCE, meeting.wait) for _ in range(8)]
    assert set(range(8)) == {call.result() for call in calls}


def test_each_of_many_racing_calls_gets_its_own_answer() -> None:
    deadlines = Deadlines()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: deadlines.within(PATIENCE, lambda: number), range(2000)))
    assert list(range(2000)) == found


def test_what_is_late_ends_before_its_process() -> None:
    ended = subprocess.run([sys.executable, "-c", GOES_ON], capture_output=True, check=True, text=True)
    assert "late, done" == ended.stdout
