"""A gate on loopback before an API server: it counts what is asked, forbids, cuts open watches, and can be shut."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from shared.clients.kubernetes import Kubernetes, open_kubernetes

LONG_AGO = "resourceVersion=1&"


@dataclass(frozen=True)
class Asked:
    """One request that came; `plural` is the last part of a collection's path, `watch` its fieldSelector and so on."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def watch(self) -> bool:
        return self.query.get("watch") == "true"

    @property
    def plural(self) -> str:
        return self.path.rpartition("/")[2]


class Gate:
    """What stands between; `forbids` says which requests are answered 403, `shut` hangs up on all of them."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.asked: list[Asked] = []
        self.forbids: Callable[[Asked], bool] = lambda _: False
        self.shut = False
        self.forgets = 0
        self._open: dict[socket.socket, Asked] = {}
        self._lock = threading.Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                self.close_connection = True
                if self.raw_requestline and self.parse_request():
                    gate._pass(self, upstream)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def watched(self) -> list[str]:
        """What is watched now, in the order of the alphabet."""
        with self._lock:
            return sorted(one.plural for one in self._open.values())

    def watches(self, plural: str) -> int:
        """How often a watch of it was begun."""
        return sum(one.watch and one.plural == plural for one in self.asked)

    def cut(self) -> None:
        """Break the connection of every open watch."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _pass(self, handler: BaseHTTPRequestHandler, upstream: tuple[str, int]) -> None:
        parts = urlsplit(handler.path)
        asked = Asked(handler.command, parts.path, {name: one[-1] for name, one in parse_qs(parts.query).items()})
        if self.shut:
            return
        self.asked.append(asked)
        if self.forbids(asked):
            _refuse(handler, asked)
            return
        with socket.create_connection(upstream) as there:
            there.sendall(self._request(handler, asked))
            self._pump(there, handler.connection, asked)

    def _request(self, handler: BaseHTTPRequestHandler, asked: Asked) -> bytes:
        path = handler.path
        if asked.watch and self.forgets:
            self.forgets -= 1
            path = path.replace(f"resourceVersion={asked.query['resourceVersion']}&", LONG_AGO)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        kept = [f"{name}: {value}" for name, value in handler.headers.items() if name.lower() != "connection"]
        head = "\r\n".join([f"{handler.command} {path} HTTP/1.1", *kept, "Connection: close", "", ""])
        return head.encode() + body

    def _pump(self, there: socket.socket, here: socket.socket, asked: Asked) -> None:
        """Pass the answer on until either side hangs up."""
        if asked.watch:
            with self._lock:
                self._open[here] = asked
        with selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(there, selectors.EVENT_READ)
            ready.register(here, selectors.EVENT_READ)
            while not any(key.fileobj is here for key, _ in ready.select()) and (some := there.recv(65536)):
                here.sendall(some)
        with self._lock:
            self._open.pop(here, None)

    @contextmanager
    def open(self, folder: Path) -> Iterator[Kubernetes]:
        """Return a client that goes through the gate."""
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield open_kubernetes(str(folder / "through-the-gate"))
        finally:
            self.server.shutdown()
            self.cut()
            self.server.server_close()
            thread.join()


@contextmanager
def gate_before(kubeconfig: Path, folder: Path) -> Iterator[tuple[Gate, Kubernetes]]:
    """Stand before the API server of a kubeconfig."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    address = urlsplit(config["clusters"][0]["cluster"]["server"])
    gate = Gate((str(address.hostname), address.port or 80))
    config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{gate.server.server_port}"
    (folder / "through-the-gate").write_text(yaml.safe_dump(config), encoding="utf-8")
    with gate.open(folder) as api:
        yield gate, api


def _refuse(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    sentence = f"{asked.plural} is forbidden: User cannot {'watch' if asked.watch else 'do that to'} it"
    body = json.dumps({"kind": "Status", "code": 403, "reason": "Forbidden", "message": sentence}).encode()
    handler.send_response(403)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
