"""A real HTTP proxy on loopback: CONNECT, and plain requests handed on; names lead where a test says."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

_GIVEN = {"content-length", "content-type", "git-protocol", "authorization", "accept"}


@dataclass
class Proxy:
    """Leads `host:port` to a port of this machine as `ports` says; `login` is the `user:password` that it wants.

    `asked` are the first lines of what it was asked, without those that it refused.
    """

    ports: dict[str, int] = field(default_factory=dict)
    login: str | None = None
    asked: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it is reached, with its login."""
        assert self._server
        login = f"{self.login}@" if self.login else ""
        return f"http://{login}127.0.0.1:{self._server.server_port}"


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            port = _allowed(proxy, self, self.path)
            if port is None:
                return
            with socket.create_connection(("127.0.0.1", port)) as inner:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_relay, args=(inner, self.connection), daemon=True)
                back.start()
                _relay(self.connection, inner)
                back.join()

        def do_GET(self) -> None:
            self._hand_on(None)

        def do_POST(self) -> None:
            self._hand_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _hand_on(self, body: bytes | None) -> None:
            parts = urlsplit(self.path)
            port = _allowed(proxy, self, f"{parts.hostname}:{parts.port or 80}")
            if port is None:
                return
            there = http.client.HTTPConnection("127.0.0.1", port)
            given = {name: value for name, value in self.headers.items() if name.lower() in _GIVEN}
            there.request(self.command, self.path.partition(parts.netloc)[2], body, given)
            answer = there.getresponse()
            content = answer.read()
            there.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler


def _allowed(proxy: Proxy, handler: BaseHTTPRequestHandler, target: str) -> int | None:
    """Return the port that a target leads to, or refuse it."""
    wanted = proxy.login and "Basic " + base64.b64encode(proxy.login.encode()).decode()
    if wanted and handler.headers.get("Proxy-Authorization") != wanted:
        handler.send_error(407)
    elif target not in proxy.ports:
        handler.send_error(502)
    else:
        proxy.asked.append(f"{handler.command} {target}")
        return proxy.ports[target]
    return None


def _relay(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
