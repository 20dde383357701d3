"""A closed loop of HTTP clients: each sends its next request once the last was answered."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from infra.bench.figures import percentile
from infra.bench.processes import HOST, PATIENCE, THREADS

CONNECTIONS: Final = THREADS
"""As many as the server has threads: no request waits for one."""

WARM_UP: Final = 0.5
"""Seconds before the measured ones, which are at least as many."""

Maker = Callable[[int], bytes]
"""Returns the n-th request, whole, as bytes."""


class WrongAnswer(RuntimeError):
    """An answer was not the one that is measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers a second, and the 50th and 99th percentile of their times in milliseconds."""

    rate: float
    p50: float
    p99: float
    count: int


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a POST as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def load(port: int, make: Maker, expected: int, seconds: float) -> Measured:
    """Send requests for `seconds` after a warm-up; every answer must have the `expected` status."""
    numbers = itertools.count()
    began = time.perf_counter() + min(WARM_UP, seconds)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = [pool.submit(_client, port, make, numbers, expected, began + seconds) for _ in range(CONNECTIONS)]
        samples = [sample for job in jobs for sample in job.result()]
    times = [took * 1000 for at, took in samples if at >= began]
    return Measured(len(times) / seconds, percentile(times, 0.5), percentile(times, 0.99), len(times))


def _client(
    port: int, make: Maker, numbers: itertools.count[int], expected: int, until: float
) -> list[tuple[float, float]]:
    """Return when each answer came, and how many seconds it took."""
    found: list[tuple[float, float]] = []
    status = f"HTTP/1.1 {expected} ".encode()
    with closing(socket.create_connection((HOST, port), PATIENCE)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (began := time.perf_counter()) < until:
            connection.sendall(make(next(numbers)))
            answer = _answer(connection)
            if not answer.startswith(status):
                raise WrongAnswer(f"expected {expected}: {answer[:400]!r}")
            ended = time.perf_counter()
            found.append((ended, ended - began))
    return found


def _answer(connection: socket.socket) -> bytes:
    """Return one whole answer."""
    found = b""
    while (end := found.find(b"\r\n\r\n")) < 0:
        found += _more(connection)
    head = found[:end].lower()
    at = head.index(b"content-length:") + len(b"content-length:")
    length = int(head[at:].split(b"\r\n", 1)[0])
    while len(found) < end + 4 + length:
        found += _more(connection)
    return found


def _more(connection: socket.socket) -> bytes:
    if not (piece := connection.recv(65536)):
        raise WrongAnswer("the server closed the connection")
    return piece
