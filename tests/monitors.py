"""A Prometheus and an Alertmanager on loopback, as their HTTP APIs are documented."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers import served

Series = tuple[Mapping[str, str], str]


class MonitorStand:
    """Answers `/api/v1/query` from `values`, by query, and `/api/v2/alerts` from `alerts`, filtered by `filter`.

    A query that is not among the values has an empty result, as an unknown metric has.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[Series] | str] = {}
        self.alerts: list[dict[str, str]] = []
        self.warnings: list[str] = []
        self.asked: list[str] = []
        self.logins: list[str | None] = []
        self.hang = 0.0
        self.refusal: tuple[int, Any] | None = None
        stand = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                time.sleep(stand.hang)
                stand.logins.append(self.headers["authorization"])
                status, said = stand.refusal or stand.answer(self.path)
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with suppress(BrokenPipeError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON that answer a path."""
        parts = urlsplit(path)
        asked = parse_qs(parts.query)
        if parts.path == "/api/v1/query":
            return self._query(asked.get("query", [""])[0])
        if parts.path == "/api/v2/alerts":
            return self._alerts(asked.get("filter", []))
        return 404, {"status": "error"}

    def _query(self, query: str) -> tuple[int, Any]:
        self.asked.append(query)
        if not query or query.count("(") != query.count(")"):
            why = f'invalid parameter "query": 1:{len(query)}: parse error: unexpected end of input'
            return 400, {"status": "error", "errorType": "bad_data", "error": why}
        found, now = self.values.get(query, []), time.time()
        data: dict[str, Any] = {"resultType": "scalar", "result": [now, found]}
        if not isinstance(found, str):
            rows = [{"metric": dict(labels), "value": [now, value]} for labels, value in found]
            data = {"resultType": "vector", "result": rows}
        warned = {"warnings": self.warnings} if self.warnings else {}
        return 200, {"status": "success", "data": data, **warned}

    def _alerts(self, filters: list[str]) -> tuple[int, Any]:
        self.asked += filters
        matchers = [re.fullmatch(r'(\w+)="(.*)"', one) for one in filters]
        if not all(matchers):
            return 400, "bad matcher format"
        wanted = {one[1]: one[2] for one in matchers if one}
        return 200, [_alert(labels) for labels in self.alerts if wanted.items() <= labels.items()]

    @contextmanager
    def open(self) -> Iterator[MonitorStand]:
        """Serve until the block ends."""
        with served(self._server):
            yield self


def _alert(labels: dict[str, str]) -> dict[str, Any]:
    return {
        "annotations": {"summary": "too many errors"},
        "endsAt": "2100-01-01T00:05:00.000Z",
        "fingerprint": "375eab7b59892505",
        "receivers": [{"name": "default"}],
        "startsAt": "2100-01-01T00:00:00.000Z",
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": "2100-01-01T00:00:00.000Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "labels": labels,
    }
