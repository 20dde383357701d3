"""Real HTTP servers on loopback for WSGI apps, each stopped when its block ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import functions_framework
import urllib3
from waitress import wasyncore
from waitress.server import create_server
from werkzeug.serving import make_server

from infra.local.environment import applied

HOST = "127.0.0.1"
SECONDS = 20.0


def load(source: Path, target: str) -> Any:
    """Return the app that functions-framework makes of a function, whose name it leaves behind in the environment."""
    with applied({}):
        return functions_framework.create_app(target, str(source))  # type: ignore[no-untyped-call]


@contextmanager
def served(server: HTTPServer) -> Iterator[None]:
    """Have a server of the standard library's answer until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def waitress_server(app: Any, port: int = 0) -> Iterator[int]:
    """Serve as the local engine does, on a free port unless told: bodies are buffered before the app is called."""
    connections: dict[int, Any] = {}
    server: Any = create_server(app, map=connections, host=HOST, port=port, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_port
    finally:
        with suppress(OSError):  # a request that ends just now wakes the loop too, which then has closed this already
            server.trigger.pull_trigger(lambda: wasyncore.close_all(connections))
        thread.join(SECONDS)
        server.task_dispatcher.shutdown(timeout=SECONDS)
        assert not thread.is_alive()


@contextmanager
def werkzeug_server(app: Any) -> Iterator[int]:
    """Serve as functions-framework does with --debug: bodies are read off the socket by the app."""
    server = make_server(HOST, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(SECONDS)
        assert not thread.is_alive()


SERVERS: Mapping[str, Callable[[Any], Any]] = {"waitress": waitress_server, "werkzeug": werkzeug_server}


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
    """Make one request; a keyword `content_type` is the header `Content-Type`. An iterable body goes out in chunks.

    Who is asked hears that nothing else will come: gunicorn's end waits two seconds for those who may ask again.
    """
    named = {"Connection": "close"} | {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://{HOST}:{port}{path}"
    with urllib3.PoolManager(timeout=SECONDS, retries=False) as pool:
        return pool.request(method, url, body, headers=named)


def say(port: int, text: bytes) -> bytes:
    """Send these very bytes, say no more, and return all that is answered."""
    with closing(socket.create_connection((HOST, port), SECONDS)) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
