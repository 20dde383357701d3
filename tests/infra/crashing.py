"""The local engine, which kills itself with SIGKILL at its nth write: before it, or just after it.

Run as `python -m tests.infra.crashing <n> before|after`; the settings are those of `python -m infra.local`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from infra.local.engine import serve
from infra.local.settings import LocalSettings
from shared.clients.postgresql import PostgresqlQueue, PostgresqlStore
from shared.clients.sqlite import SqliteQueue, SqliteStore


class Killer:
    """Counts the writes of this process and ends it at one of them."""

    def __init__(self, at: int, moment: str) -> None:
        self._left, self._moment = at, moment
        self._lock = threading.Lock()

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*arguments: Any, **named: Any) -> Any:
            last = self._count()
            if last and self._moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = write(*arguments, **named)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return killed

    def _count(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0


def main() -> int:
    killer = Killer(int(sys.argv[1]), sys.argv[2])
    writes = [(SqliteStore, "commit_each"), (PostgresqlStore, "commit")]
    writes += [(queue, name) for queue in (SqliteQueue, PostgresqlQueue) for name in ("ack", "nack")]
    for owner, name in writes:
        setattr(owner, name, killer.around(getattr(owner, name)))
    settings = LocalSettings.read()
    return serve(settings.port, settings.data_dir)


if __name__ == "__main__":
    sys.exit(main())
