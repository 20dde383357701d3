"""moto's server, one request at a time: its transactions keep nobody out, and take back with them what others wrote."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

_app = DomainDispatcherApplication(create_backend_app)
_turn = threading.Lock()


def alone(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer while no other request is being answered."""
    with _turn:
        answer: Iterable[bytes] = _app(environ, start_response)
        return answer


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), alone, threaded=True, request_handler=MotoRequestHandler)
