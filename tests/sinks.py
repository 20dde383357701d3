"""A receiver of events on loopback, as somebody else writes it: it verifies by the libraries of the standards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cloudevents.conversion import to_dict
from cloudevents.http import from_http
from standardwebhooks.webhooks import Webhook

from tests.servers import served

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class SinkStand:
    """Answers `statuses`, one after the other and then 204, and keeps what it was told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.told: list[tuple[dict[str, str], bytes]] = []
        stand = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                stand.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(stand.statuses.pop(0) if stand.statuses else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def ids(self) -> list[str]:
        """Return the id of each webhook that came."""
        return [headers["webhook-id"] for headers, _ in self.told]

    def webhooks(self, secret: str = SECRET) -> list[Any]:
        """Return the payload of each that came, as the reference library verifies it against the time of today."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.told]

    def events(self) -> list[dict[str, Any]]:
        """Return each CloudEvent that came, as the reference library reads it."""
        return [dict(to_dict(from_http(headers, body))) for headers, body in self.told]

    @contextmanager
    def open(self) -> Iterator[SinkStand]:
        """Serve until the block ends."""
        with served(self._server):
            yield self
