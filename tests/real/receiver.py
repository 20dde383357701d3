"""A TLS server on loopback that keeps what the API server sends it: admission reviews and audit batches."""

import json
import queue
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.demo.certificates import Certificates

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Received:
    """One POST: request target as sent, headers with lower-case names, decoded body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def allow(review: Mapping[str, Any]) -> Mapping[str, Any]:
    """The AdmissionReview v1 that lets the request pass."""
    response = {"uid": review["request"]["uid"], "allowed": True}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def accept(_events: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an audit backend may say: anything with status 200."""
    return {}


class Receiver:
    """Context manager: serves `url` with the given certificates and answers each POST by `answer`."""

    def __init__(self, certificates: Certificates, answer: Answer) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        self.ca: Path = certificates.ca
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.received, answer))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates.certificate, certificates.key)
        # Otherwise one silent connection would hold up the accepting thread.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def ca_bundle(self) -> str:
        """The authority as `clientConfig.caBundle` wants it."""
        return b64encode(self.ca.read_bytes()).decode()

    def next(self, seconds: float = 10.0) -> Received:
        """The oldest delivery not yet taken; raises queue.Empty when none comes in time."""
        return self.received.get(timeout=seconds)


def _handler(received: queue.Queue[Received], answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.put(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            reply = json.dumps(answer(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
            """Says nothing: the test reads what was received."""

    return Handler
