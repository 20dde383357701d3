from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put
from tests.clients.conformance.engines import Engine

THREADS = 8
KEY = Key("counter", "one")


def test_of_threads_that_write_on_the_same_version_exactly_one_wins(engine: Engine) -> None:
    together = threading.Barrier(THREADS)

    def write(number: int) -> bool:
        together.wait()
        try:
            engine.store.commit([Put(KEY, str(number).encode(), ABSENT)], [Message(f"m{number}", "f", "a", {})])
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        won = list(pool.map(write, range(THREADS)))
    winner = won.index(True)
    record = engine.store.get(KEY)
    assert record is not None
    assert (1, str(winner).encode()) == (sum(won), record.value)
    assert [f"m{winner}"] == [claimed.message.id for claimed in engine.queue.receive(100, 60)]


def increment(engine: Engine) -> None:
    while True:
        record = engine.store.get(KEY)
        value, version = (int(record.value), record.version) if record else (0, ABSENT)
        try:
            engine.store.commit([Put(KEY, str(value + 1).encode(), version)])
        except Stale:
            continue
        return


def test_threads_that_read_again_when_stale_lose_no_update(engine: Engine) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(increment, engine) for _ in range(THREADS * 15)]:
            done.result()
    record = engine.store.get(KEY)
    assert record is not None
    assert (THREADS * 15, str(THREADS * 15).encode()) == (record.version, record.value)


def test_threads_that_claim_at_once_share_the_messages_out(engine: Engine) -> None:
    names = sorted(f"m{number:03}" for number in range(120))
    for start in range(0, len(names), 60):
        engine.store.commit([], [Message(name, "f", "a", {}) for name in names[start : start + 60]])

    def claim(_: int) -> list[str]:
        taken: list[str] = []
        while claimed := engine.queue.receive(3, 60):
            taken += [one.message.id for one in claimed]
        return taken

    with ThreadPoolExecutor(THREADS) as pool:
        assert names == sorted(name for taken in pool.map(claim, range(THREADS)) for name in taken)
