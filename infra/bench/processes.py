"""Functions as processes of their own, started as a deployment starts them: by functions-framework, under gunicorn."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
THREADS: Final = 4
"""Of each server, with one worker; the framework's default is four a core of the node."""
PATIENCE: Final = 30.0
LOOK_EVERY: Final = 0.002
PROBE: Final = b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Started:
    """A process that serves: its port, and the seconds from its start to its first 200."""

    port: int
    seconds: float


class DidNotStart(RuntimeError):
    """The process ended, or did not serve in time; its output is quoted."""


@contextmanager
def serving(target: str, folder: Path, path: list[Path], environment: dict[str, str], log: Path) -> Iterator[Started]:
    """Serve `folder/main.py` until the block ends. Nothing is importable but `path` and the standard library."""
    port = free_port()
    started = time.perf_counter()
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and words
            [sys.executable, "-S", "-m", "functions_framework", *_words(target, folder, port)],
            cwd=folder,
            env=_environment(path) | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(child, port, log)
        yield Started(port, time.perf_counter() - started)
    finally:
        _stop(child)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether `/healthz` answers 200."""
    try:
        with closing(socket.create_connection((HOST, port), PATIENCE)) as connection:
            connection.sendall(PROBE)
            return connection.recv(64).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
    except OSError:
        return False


def _words(target: str, folder: Path, port: int) -> list[str]:
    return ["--target", target, "--source", str(folder / "main.py"), "--host", HOST, "--port", str(port)]


def _environment(path: list[Path]) -> dict[str, str]:
    """Return an environment without the caller's: `-S` keeps out whatever an installation would add to the path."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    joined = os.pathsep.join(str(one) for one in path)
    return kept | {"PYTHONPATH": joined, "THREADS": str(THREADS), "WORKERS": "1"}


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers(port):
        if child.poll() is not None or time.monotonic() > deadline:
            raise DidNotStart(f"no 200 from /healthz:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(LOOK_EVERY)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
