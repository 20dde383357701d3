from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.clients.connections import Connections, Place
from shared.clients.subscribers import LIMIT, HttpSubscribers


class Party:
    """A server that notes the port of each request's connection; `after` closes a connection after its answer."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.after = False
        self.body = b"{}"
        self.closed = threading.Semaphore(0)

    @contextmanager
    def serving(self) -> Iterator[str]:
        party = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                party.ports.append(self.client_address[1])
                self.send_response(202)
                self.send_header("content-length", str(len(party.body)))
                self.end_headers()
                self.wfile.write(party.body)
                self.close_connection = party.after

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            def shutdown_request(self, request: Any) -> None:
                super().shutdown_request(request)
                party.closed.release()

        server = Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def party() -> Party:
    return Party()


def test_a_connection_carries_one_order_after_the_other(party: Party) -> None:
    subscribers = HttpSubscribers(allow_local=True)
    with party.serving() as url:
        assert [202, 202, 202] == [subscribers(url, {}, b"{}").status for _ in range(3)]
    assert 1 == len(set(party.ports))


def test_one_that_the_other_side_closed_is_opened_anew(party: Party) -> None:
    subscribers, party.after = HttpSubscribers(allow_local=True), True
    with party.serving() as url:
        for _ in range(3):
            assert 202 == subscribers(url, {}, b"{}").status
            assert party.closed.acquire(timeout=5)
    assert 3 == len(set(party.ports))


def test_one_whose_answer_was_cut_short_carries_no_other(party: Party) -> None:
    subscribers, party.body = HttpSubscribers(allow_local=True), b"x" * 2 * LIMIT
    with party.serving() as url:
        assert b"x" * LIMIT == subscribers(url, {}, b"{}").body
        party.body = b"{}"
        assert b"{}" == subscribers(url, {}, b"{}").body
    assert 2 == len(set(party.ports))


def test_no_more_are_kept_than_told_and_none_for_longer(party: Party) -> None:
    with party.serving() as url:
        place = Place("http", "127.0.0.1", int(url.rpartition(":")[2].strip("/")), None)
        connections = Connections(allow_local=True, connect=1.0, read=1.0, idle=60.0, most=2)
        three = [connections.take(place) for _ in range(3)]
        for one in three:
            connections.give(place, one)
        assert three[1] is connections.take(place)
        assert [True, True, False] == [one.sock is not None for one in three]
        hasty = Connections(allow_local=True, connect=1.0, read=1.0, idle=-1.0, most=1)
        first, second = hasty.take(place), hasty.take(place)
        hasty.give(place, first)
        hasty.give(place, second)
        third = hasty.take(place)
        assert [False, False, True] == [one.sock is not None for one in (first, second, third)]
        third.close()
        three[1].close()
