"""`python -m tests.aws_serving moto|ministack PORT`: a double of AWS on loopback, until its standard input ends.

So it ends with the process that started it, however that ends. moto answers one request at a time: its transactions
keep nobody out, and take back with them what others wrote meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def moto(port: int) -> None:
    """Serve moto."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - only the double that is asked for loads
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple  # noqa: PLC0415 - likewise

    app, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def alone(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with turn:
            answer: Iterable[bytes] = app(environ, start_response)
            return answer

    run_simple("127.0.0.1", port, alone, threaded=True, request_handler=MotoRequestHandler)


def ministack(port: int) -> None:
    """Serve ministack, which is told by its environment."""
    os.environ |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR"}
    sys.argv = sys.argv[:1]
    from ministack.app import main  # noqa: PLC0415 - it reads its environment as it loads

    main()


SERVERS: dict[str, Callable[[int], None]] = {"moto": moto, "ministack": ministack}


def end_with_standard_input() -> None:
    """Wait until whoever holds the other end is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    name, number = sys.argv[1], int(sys.argv[2])
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    SERVERS[name](number)
