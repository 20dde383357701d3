"""Subscribers in every kind of trouble, and the engine that is killed beside them: all on loopback, all for real."""

from __future__ import annotations

import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final, Self

from shared.model.heartbeats import Heartbeat
from shared.model.runs import Report
from shared.rules.keys import subscriber_key
from shared.wire.orders import read_order
from shared.wire.reports import write_heartbeat, write_report
from shared.wire.standard_webhooks import sign, verify
from tests.infra.loop import send, until

ROOT: Final = Path(__file__).parents[2]
TROUBLES: Final = ("away", "broken", "drop", "hang", "well", "well")


class Subscriber:
    """One cluster's subscriber: it verifies, has each order's effect once, and reports until it is heard.

    What it took outlives its deaths, as its ConfigMaps do. `effects` are the workloads whose change it acted on.
    """

    def __init__(self, cluster: str, master: bytes, portal: str, hangs: float) -> None:
        self.cluster, self.mode = cluster, "well"
        self.effects: list[str] = []
        self.asked: Counter[str] = Counter()
        self._key, self._portal, self._hangs = subscriber_key(master, cluster, 1), portal, hangs
        self._lock, self._over = threading.Lock(), threading.Event()
        self._reports: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._place = reserved()
        self._port = self._place.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None
        self._reporter = threading.Thread(target=self._report, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def __enter__(self) -> Self:
        self._open()
        self._reporter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._reports.put("")
        self._close()
        self._place.close()
        self._reporter.join()

    def be(self, mode: str) -> None:
        """Be in this kind of trouble from now on; `away` is a process that died."""
        self.mode = mode
        if mode == "away":
            self._close()
        elif self._server is None:
            self._open()

    def beat(self) -> None:
        """Give a sign of life until it is heard."""
        while not self._say(f"beat-{time.monotonic_ns()}", write_heartbeat(Heartbeat(_now()))):
            time.sleep(0.05)

    def answer(self, headers: dict[str, str], body: bytes) -> int | None:
        """Return the status for an order, None for no answer at all."""
        mode = self.mode
        if mode == "broken":
            return 500
        if mode == "hang":
            self._over.wait(self._hangs)
            return None
        verify([self._key], headers, body, time.time())
        known = self._take(body)
        return None if mode == "drop" else 200 if known else 202

    def _take(self, body: bytes) -> bool:
        order = read_order(body)
        assert order.guard
        with self._lock:
            self.asked[order.order] += 1
            if self.asked[order.order] > 1:
                return True
            self.effects.append(order.guard.workload.name)
        self._reports.put(order.order)
        return False

    def _report(self) -> None:
        while order := self._reports.get():
            body = write_report(Report(order, order, "completed", _now(), "Succeeded", "Pass"))
            while not self._say(f"{order}-end", body) and not self._over.is_set():
                time.sleep(0.1)

    def _say(self, name: str, body: bytes) -> bool:
        signed = sign(self._key, name, int(time.time()), body)
        return send("POST", f"{self._portal}/reports/{self.cluster}", body, **signed) == 200

    def _open(self) -> None:
        self._server = server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self.answer))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def _close(self) -> None:
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()


class Engine:
    """The engine as a process of its own, over the same data folder and store at each start.

    The master key of `folder` is everybody's; `name` is the engine's own data folder.
    """

    module: ClassVar = "infra.local"

    def __init__(self, folder: Path, store_url: str, name: str = "data", **environment: str) -> None:
        self._place = reserved()
        self.port = self._place.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"DATA_DIR": str(folder / name), "PORT": str(self.port), "ADMIN_TOKEN": "owner", "STORE_URL": store_url}
        own |= {"MASTER_KEY_FILE": str(folder / "data" / "keys" / "master")}
        own |= {} if store_url.startswith("sqlite:") else {"DELIVERY_SECONDS": "20"}
        self._environment = {**os.environ, **own, "RECONCILE_SECONDS": "1", "PYTHONPATH": str(ROOT), **environment}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", self.module]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        until(lambda: send("GET", f"{self.url}/readyz") == 200, "the engine to serve")

    def kill(self) -> None:
        """End it with SIGKILL, wherever it is."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._place.close()


def reserved() -> socket.socket:
    """Return a socket that keeps a port from being given to others while nobody listens there."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", 0))
    return place


def troubling(subscribers: list[Subscriber], chance: random.Random, calm: threading.Event) -> Callable[[], None]:
    """Return what puts subscribers into trouble and out of it again, until it is calm."""

    def trouble() -> None:
        while not calm.wait(chance.uniform(0.02, 0.2)):
            chance.choice(subscribers).be(chance.choice(TROUBLES))
        for one in subscribers:
            one.be("well")

    return trouble


def _handler(answer: Callable[[dict[str, str], bytes], int | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = answer({name.lower(): value for name, value in self.headers.items()}, body)
            if status is not None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
