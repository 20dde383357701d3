"""The web server of the process: waitress, with an orderly end."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any, Final
from wsgiref.types import WSGIApplication

from waitress.server import create_server

from infra.local.settings import HOST
from shared.errors import Misconfigured

MAX_BODY: Final = 26 << 20
"""Bytes of a body: GitHub sends up to 25 MB, and the functions refuse what is over their own limits."""
_CONNECTIONS: Final = 1000
_LOOK_EVERY: Final = 0.02
_JOIN: Final = 0.5


def bind(port: int) -> socket.socket:
    """Take the port, without listening yet, so that who connects before all is loaded is refused at once."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError as error:
        taken.close()
        raise Misconfigured(f"port {port} cannot be taken ({error.strerror}): set PORT to another one") from error
    return taken


class WebServer:
    """Serves an application on a bound socket, from threads of its own."""

    def __init__(self, application: WSGIApplication, on: socket.socket, threads: int) -> None:
        self._connections: dict[int, Any] = {}
        self._server: Any = create_server(
            application,
            map=self._connections,
            sockets=[on],
            threads=threads,
            ident="litmus-gitops",
            max_request_body_size=MAX_BODY,
            connection_limit=_CONNECTIONS,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
        )
        self._loop = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Accept and answer."""
        self._loop.start()

    @property
    def alive(self) -> bool:
        """Whether it still accepts and answers."""
        return self._loop.is_alive()

    def refuse(self) -> None:
        """Accept no more connections."""
        self._server.trigger.pull_trigger(self._stop_listening)

    def drain(self, deadline: float) -> bool:
        """Wait until every request is answered, until `deadline` on the monotonic clock; return whether they are."""
        while busy := self._busy():
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY)
        return not busy

    def stop(self) -> None:
        """Close every connection and end the threads; a request that is still running is left behind.

        A thread that is left behind will still write to the trigger's pipe. So that stays open: another file under
        its number, perhaps the database's, would get that byte.
        """
        self._server.trigger.pull_trigger(self._close_connections)
        self._loop.join(_JOIN)
        self._server.task_dispatcher.shutdown(timeout=_JOIN)
        if not self._server.task_dispatcher.threads:
            self._server.trigger.close()

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._server.accepting = False
            self._server.del_channel()
            self._server.socket.close()

    def _close_connections(self) -> None:
        for connection in list(self._connections.values()):
            if connection is not self._server.trigger:
                connection.close()
        self._connections.clear()

    def _busy(self) -> bool:
        channels = list(self._server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
