"""The API server's own subscriber before a house: reviews go in, and what leaves the cluster goes through a door."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.clients.ids import new_id
from shared.clients.portal import HttpPortal
from shared.errors import LitmusGitopsError
from shared.model.calls import Answer, Call
from shared.rules.digests import sealing_key
from shared.rules.keys import subscriber_key
from shared.services.heartbeats import Heartbeats
from shared.services.reporting import Reporting
from shared.services.subscriber.admitting import Admitting
from shared.services.subscriber.forwarding import Forwarding
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.showing import Showing
from tests.services.watched import MASTER, House

KEY = subscriber_key(MASTER, "c1", 1)


class Door:
    """Serves a house's portal over HTTP and keeps what came in; `meddle` answers in its stead, or after it.

    It is told the path and the body, and gives a status, or 0 for the portal's own answer.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.bodies: list[bytes] = []
        self.before: Callable[[str, bytes], int] = lambda _path, _body: 0
        self.after: Callable[[str, bytes], int] = self.before
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers["content-length"]))
                answer = door.answer(self.path, headers, body)
                told = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.bodies.append(body)
        if status := self.before(path, body):
            return Answer(status, {})
        answer = self._portal(Call("POST", path, {"cluster": "c1"}, headers=headers, body=body))
        status = self.after(path, body)
        return Answer(status, {}) if status else answer

    def _portal(self, call: Call) -> Answer:
        house = self.house
        heartbeats = Heartbeats(house.watch, house.turns, house.count)
        reporting = Reporting(house.store, house.clock, new_id, MASTER, heartbeats)
        try:
            return heartbeats.receive(call) if call.path == "/changes/c1" else reporting.receive(call)
        except LitmusGitopsError as error:
            return Answer(error.status, {"detail": str(error)})


@dataclass
class Inside:
    """The subscriber of cluster c1, as far as it answers its API server."""

    door: Door
    most: int = 10_000
    limit: int = 64 << 20
    counted: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin anew, as after a crash: what was in memory is gone."""
        clock = self.door.house.clock
        self.letters = Letters(HttpPortal(self.door.url), "c1", KEY, clock, new_id)
        self.showing = Showing(self.letters, sealing_key(KEY))
        self.forwarding = Forwarding(self.showing, self.count, self.most, self.limit)
        self.admitting = Admitting(self.forwarding, clock, self.count)

    def count(self, name: str, **labels: str) -> None:
        assert name in {"litmus_gitops_reviews_total", "litmus_gitops_forwarded_total"}
        self.counted[labels["outcome"]] += 1

    def admit(self, review: dict[str, Any] | bytes, **headers: str) -> Answer:
        """Let the API server ask, a second later than before."""
        self.door.house.clock.advance(1)
        body = review if isinstance(review, bytes) else json.dumps(review).encode()
        started = time.perf_counter()
        answer = self.admitting(Call("POST", "/admission", headers=headers, body=body))
        self.slowest = max(self.slowest, time.perf_counter() - started)
        return answer

    def told(self, review: dict[str, Any]) -> None:
        """Let the API server ask, and the portal hear of it."""
        self.admit(review)
        self.forwarding.flush()


@contextmanager
def inside_of(house: House) -> Iterator[Inside]:
    """A subscriber before a house, with a door between them."""
    door = Door(house)
    thread = threading.Thread(target=door.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Inside(door)
    finally:
        door.server.shutdown()
        door.server.server_close()
        thread.join()
