from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlQueue, PostgresqlStore
from shared.clients.postgresql.place import read_place
from shared.errors import Unavailable
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put, Record
from tests import postgresql

pytestmark = postgresql.needs_server()
KEY = Key("project", "shop")


def store_of(database: Database) -> PostgresqlStore:
    return PostgresqlStore(database, utc_now)


def message(name: str) -> Message:
    return Message(name, "sync", "project", {})


def test_a_message_wakes_who_waits_in_another_process(database: Database, url: str) -> None:
    waiting, sending = PostgresqlQueue(database, utc_now), Database(read_place(url))
    heard = listening(waiting)
    with ThreadPoolExecutor(1) as pool:
        woken = pool.submit(waiting.wait, 60, heard)
        store_of(sending).commit([], [message("m")])
        assert heard < woken.result()
    assert ["m"] == [claimed.message.id for claimed in waiting.receive(1, 60)]
    sending.close()


def test_a_message_that_is_returned_in_another_process_wakes_too(database: Database, url: str) -> None:
    waiting, other = PostgresqlQueue(database, utc_now), Database(read_place(url))
    store_of(database).commit([], [message("m")])
    [claimed] = PostgresqlQueue(other, utc_now).receive(1, 60)
    heard = listening(waiting)
    PostgresqlQueue(other, utc_now).nack(claimed, "again", 0)
    assert heard < waiting.wait(60, heard)
    other.close()


def test_a_commit_without_messages_wakes_nobody(database: Database, url: str) -> None:
    waiting, other = PostgresqlQueue(database, utc_now), Database(read_place(url))
    heard = listening(waiting)
    store_of(other).commit([Put(KEY, b"1")])
    store_of(other).commit([], [message("m")])
    assert heard + 1 == waiting.wait(60, heard)
    other.close()


def listening(queue: PostgresqlQueue) -> int:
    """Return how often the bell has rung once it is heard of what others send."""
    return queue.wait(60, queue.wait(0))


def test_a_server_that_restarts_is_found_again_by_store_and_listener() -> None:
    server = postgresql.Server()
    server.start()
    database = Database(read_place(server.url()))
    other = Database(read_place(server.url()))
    try:
        store, queue = store_of(database), PostgresqlQueue(database, utc_now)
        store.commit([Put(KEY, b"1")])
        heard = listening(queue)
        server.stop(signal.SIGINT)
        with pytest.raises(Unavailable, match="does not answer: check that it runs, and its address in STORE_URL"):
            store.get(KEY)
        server.start()
        assert Record(KEY, b"1", 1) == store.get(KEY)
        server.stop(signal.SIGINT)
        server.start()
        store.commit([Put(KEY, b"2", 1)], [message("n")])
        heard = queue.wait(60, heard)
        store_of(other).commit([], [message("m")])
        assert heard < queue.wait(60, heard)
    finally:
        database.close()
        other.close()
        server.remove()


def test_what_was_confirmed_outlives_crashes_of_the_server() -> None:
    server = postgresql.Server()
    server.start()
    database = Database(read_place(server.url()))
    confirmed: list[str] = []
    over = threading.Event()

    def write(lane: int) -> None:
        number = 0
        while not over.is_set():
            name = f"{lane}-{number:06}"
            number += 1
            try:
                store_of(database).commit([Put(Key("p", name), b"x" * 500, ABSENT)], [message(name)])
            except Unavailable:
                over.wait(0.02)
            else:
                confirmed.append(name)

    try:
        with ThreadPoolExecutor(3) as pool:
            lanes = [pool.submit(write, lane) for lane in range(3)]
            for more in (30, 90):
                postgresql.waiting(partial(more_than, more, confirmed), "commits")
                server.stop(signal.SIGQUIT)
                server.start()
            over.set()
            for lane in lanes:
                lane.result()
        kept = {record.key.sort for record in store_of(database).query("p", limit=100_000)}
        sent = {claimed.message.id for claimed in PostgresqlQueue(database, utc_now).receive(100_000, 60)}
        assert kept == sent
        assert set() == set(confirmed) - kept
    finally:
        database.close()
        server.remove()


def more_than(number: int, names: list[str]) -> bool:
    return len(names) > number
