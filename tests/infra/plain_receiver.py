"""A webhook or audit receiver over plain HTTP, which the double calls and a real API server would not."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Plain:
    """A webhook or audit receiver without TLS that can be slow or fail at first."""

    def __init__(self, *, delay: float = 0.0, failures: int = 0) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.failures = failures
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(delay)
                outer.failures -= 1
                self.send_response(503 if outer.failures >= 0 else 200)
                self.end_headers()
                outer.bodies.append(body)
                uid = body.get("request", {}).get("uid")
                self.wfile.write(json.dumps(body | {"response": {"uid": uid, "allowed": True}}).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
