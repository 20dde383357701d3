"""Child processes that come up within a bound, or say why not."""

import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.waiting import eventually

STOP_SECONDS = 5.0
LOG_LINES = 25


class ServerError(RuntimeError):
    """A server did not come up, or ended by itself; the end of its log is quoted."""


class ReservedPort:
    """A free loopback port that stays ours until the server listens on it.

    The socket is bound and never listens; a server that sets SO_REUSEPORT as well may bind beside it and gets every
    connection, so no other process can take the number in between.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Gives the number back."""
        self._socket.close()


class Server:
    """One child process, its log file, and the reserved ports that it was told to use."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env={}, cwd=log.parent
            )
        self._warden = _warden(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def log_end(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns as soon as it is ready; raises ServerError if it ends or the seconds pass first."""
        try:
            eventually(lambda: self._still_runs() and ready(), "ready", seconds)
        except TimeoutError as error:
            raise ServerError(f"{self.name}, {error}:\n{self.log_end()}") from error

    def stop(self) -> None:
        """Asks, waits a bounded time, then insists."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._warden.kill()
            self._warden.communicate()

    def _still_runs(self) -> bool:
        if self._process.poll() is not None:
            raise ServerError(f"{self.name} ended with {self._process.returncode}:\n{self.log_end()}")
        return True


def _warden(pid: int) -> subprocess.Popen[bytes]:
    """Kills the server once our end of its pipe is gone, however we ended; no other way outlives a SIGKILL of us."""
    script = 'read -r _; kill -KILL "$1"'
    return subprocess.Popen(["sh", "-c", script, "warden", str(pid)], stdin=subprocess.PIPE, start_new_session=True)
