from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest

from shared.clients.subscribers import LIMIT, HttpSubscribers
from shared.errors import Forbidden, Unavailable

Reply = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def serving(reply: Reply) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            reply(self, self.rfile.read(int(self.headers["content-length"])))

        def log_message(self, *_: object) -> None:
            return

    server: HTTPServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_headers_body_status_and_answer_pass_through() -> None:
    seen: list[tuple[str | None, bytes]] = []

    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        seen.append((handler.headers["webhook-id"], body))
        send(handler, 409, b'{"detail":"no"}')

    with serving(reply) as url:
        answer = HttpSubscribers(allow_local=True)(url + "/orders", {"webhook-id": "o-1"}, b"{}")
    assert (409, b'{"detail":"no"}') == (answer.status, answer.body)
    assert [("o-1", b"{}")] == seen


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    seen: list[str] = []

    def reply(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.path)
        send(handler, 307, b"", location="/elsewhere")

    with serving(reply) as url:
        assert HttpSubscribers(allow_local=True)(url + "/", {}, b"").status == 307
    assert ["/"] == seen


def test_only_the_beginning_of_an_endless_answer_is_read() -> None:
    with serving(lambda handler, _: send(handler, 200, b"x" * 10 * LIMIT)) as url:
        answer = HttpSubscribers(allow_local=True)(url, {}, b"")
    assert isinstance(answer.body, bytes)
    assert len(answer.body) == LIMIT


def test_a_subscriber_that_never_answers_is_away() -> None:
    with serving(lambda *_: time.sleep(1)) as url, pytest.raises(Unavailable):
        HttpSubscribers(allow_local=True, read=0.2)(url, {}, b"")


def test_a_subscriber_that_drips_its_answer_is_away() -> None:
    def drip(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    started = time.monotonic()
    with serving(drip) as url:
        with pytest.raises(Unavailable):
            HttpSubscribers(allow_local=True, read=0.2)(url, {}, b"")
        assert time.monotonic() - started < 0.9


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:9", id="nobody listens"),
        pytest.param("http://nowhere.invalid", id="no such name"),
        pytest.param("http://[::1", id="no address"),
    ],
)
def test_no_answer_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        HttpSubscribers(allow_local=True, connect=0.5)(url, {}, b"")


def test_a_deployment_sends_nothing_to_its_own_machine() -> None:
    seen: list[bytes] = []

    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        seen.append(body)
        send(handler, 202, b"")

    with serving(reply) as url:
        for place in (url, url.replace("127.0.0.1", "localhost"), url.replace("http:", "https:")):
            with pytest.raises(Forbidden):
                HttpSubscribers(allow_local=False)(place, {}, b"secret")
    assert [] == seen


def test_a_subscriber_of_many_orders_keeps_answering() -> None:
    with serving(lambda handler, _: send(handler, 202, b"{}")) as url:
        subscribers = HttpSubscribers(allow_local=True)
        assert [202] * 20 == [subscribers(url, {}, b"{}").status for _ in range(20)]
