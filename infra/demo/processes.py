"""Starts the demo's servers as processes of their own, and says what they printed when they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import urllib3

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
_END = 600


class Child:
    """A server process in a session of its own; it ends with the `with` block at the latest."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        self._command = [sys.executable, *arguments]
        self._environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process: politely first, for certain after `STOP_SECONDS`."""
        if self._process is None or self._process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """End the process and what it started at once, as a crash would."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def wait_until_ready(self, url: str) -> None:
        """Return once `url` answers 200; `RuntimeError` with the end of the log otherwise."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            with suppress(urllib3.exceptions.HTTPError):
                if urllib3.request("GET", url, timeout=1, retries=False).status == 200:  # noqa: PLR2004 - HTTP OK
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not serve {url}; it printed: …{self.printed()}")

    def printed(self) -> str:
        """Return the end of what the process printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-_END:].strip()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid if self._process else 0, number)
