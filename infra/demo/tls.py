"""TLS in front of the demo's portal, since a real API server calls webhooks over https only."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

from infra.demo.certificates import Certificates

_CHUNK = 1 << 16


class TlsFront:
    """Ends TLS on a free loopback port and hands the bytes to a plain one, for as long as the `with` block lasts."""

    def __init__(self, target: int, certificates: Certificates) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        """The https address that is served."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="tls-front", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", self._target)) as inner,
        ):
            back = threading.Thread(target=_relay, args=(inner, outer), daemon=True)
            back.start()
            _relay(outer, inner)
            back.join()


def _relay(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
