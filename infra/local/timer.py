"""Asks for a look at everything that can lag, at regular times."""

from __future__ import annotations

import logging
import random
import threading

from infra.delivering import TICK
from shared.errors import LitmusGitopsError
from shared.ports.state import Store

_log = logging.getLogger("litmus_gitops.timer")


class Timer:
    """Sends a tick at start and then every `seconds`, give or take a tenth."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still ticks."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._tick()
        while not self._stopping.wait(self._seconds * random.uniform(0.9, 1.1)):  # noqa: S311 - spreads load
            self._tick()

    def _tick(self) -> None:
        try:
            self._store.commit([], [TICK])
        except LitmusGitopsError as error:
            _log.warning("no tick this time: %s", error)
