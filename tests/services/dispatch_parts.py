"""The parties around dispatch: a store whose process dies when told, and a subscriber on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.clients.sqlite import SqliteStore
from shared.model.messages import Message
from shared.model.orders import Order
from shared.model.records import Key, Record, Write
from shared.ports.state import Batch
from shared.rules.keys import subscriber_key
from shared.wire.orders import read_order
from shared.wire.standard_webhooks import verify
from tests.servers import served

MASTER = bytes(range(32))


class Killed(BaseException):
    """The process dies here."""


class MortalStore:
    """The real store of a process that dies at the commit after `lives` others; `early`: just before it is done."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.lives: int | None = None
        self.early = False
        self.commits = 0

    def get(self, key: Key) -> Record | None:
        return self.store.get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        return self.store.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Record]:
        return self.store.query(partition, prefix=prefix, after=after, limit=limit, newest_first=newest_first)

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        return self.store.query_many(partitions, limit)

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        dies = self.lives == 0
        self.lives = None if self.lives is None or dies else self.lives - 1
        if not (dies and self.early):
            self.store.commit(writes, messages)
        self.commits += 1
        if dies:
            raise Killed

    def commit_each(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.commit(*batch)

    def tidy(self, limit: int = 1000) -> int:
        return self.store.tidy(limit)


class Overtaken(MortalStore):
    """A store in which somebody does something just before the next commit."""

    def __init__(self, store: SqliteStore, act: Callable[[], object]) -> None:
        super().__init__(store)
        self.acts = [act]

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        if self.acts:
            self.acts.pop()()
        super().commit(writes, messages)


class SubscriberStand:
    """Verifies and keeps what it is sent; answers `status` with `reason`, and 200 to what it has already."""

    def __init__(self, *clusters: str) -> None:
        self.keys = [subscriber_key(MASTER, cluster, 1) for cluster in clusters or ("c1",)]
        self.status = 202
        self.reason = b'{"detail":"not today"}'
        self.taken: dict[str, Order] = {}
        self.at: dict[str, float] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.clock: Callable[[], float] = lambda: 0.0
        stand = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = stand.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("content-length", str(len(stand.reason)))
                self.end_headers()
                self.wfile.write(stand.reason)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        verify(self.keys, headers, body, self.clock())
        order = read_order(body)
        self.headers.append(headers)
        self.asked.append(order.order)
        if self.status != 202:
            return self.status
        status = 200 if order.order in self.taken else 202
        self.taken[order.order] = order
        self.at.setdefault(order.order, self.clock())
        return status

    @contextmanager
    def open(self) -> Iterator[SubscriberStand]:
        with served(self._server):
            yield self
