"""A bell that rings in this process, and by NOTIFY in every process on the same database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psycopg

from shared.clients.postgresql.schema import Connection
from shared.clients.postgresql.statements import Statement
from shared.errors import LitmusGitopsError

_log = logging.getLogger("litmus_gitops.postgresql")

NOTIFY: Final = Statement("NOTIFY litmus_gitops")
"""Rings for everybody once its transaction has committed."""
_LOOK: Final = 60.0
_PAUSE: Final = 1.0
_JOIN: Final = 10.0


class Bell:
    """Rings whoever waits; the first who does opens a connection of its own to listen, and again when it is lost."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._rung = 0
        self._condition = threading.Condition()
        self._over = threading.Event()
        self._listener: threading.Thread | None = None

    def ring(self) -> None:
        """Wake whoever waits in this process: there may be a message to claim."""
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, seconds: float, since: int | None = None) -> int:
        """Sleep until the bell rings, at most `seconds`; return how often it has rung.

        Give that answer as `since` the next time, and no ring in between is missed.
        """
        with self._condition:
            if self._listener is None and not self._over.is_set():
                self._listener = threading.Thread(target=self._run, name="postgresql-listener", daemon=True)
                self._listener.start()
            heard = self._rung if since is None else since
            self._condition.wait_for(lambda: self._rung != heard, seconds)
            return self._rung

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        if self._listener:
            with suppress(LitmusGitopsError, psycopg.Error), self._connect() as connection:
                connection.execute(NOTIFY.sql.encode())
            self._listener.join(_JOIN)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self._connect() as connection:
                    self._listen(connection)
            except (LitmusGitopsError, psycopg.Error) as error:
                _log.warning("messages are noticed later, since nobody tells of them: %s", error)
                self._over.wait(_PAUSE)

    def _listen(self, connection: Connection) -> None:
        """Ring for each notification, and once at first for those that came while nobody listened."""
        connection.execute("LISTEN litmus_gitops")
        self.ring()
        while not self._over.is_set():
            for _ in connection.notifies(timeout=_LOOK, stop_after=1):
                self.ring()
