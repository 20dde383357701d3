"""A closed loop of HTTP clients: each sends its next request once the last was answered."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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

Sample = tuple[float, float]
"""When an answer came, and how many seconds it took."""

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

    def requests() -> Iterator[bytes]:
        while time.perf_counter() < began + seconds:
            yield make(next(numbers))

    samples = _all(port, [requests() for _ in range(CONNECTIONS)], expected)
    return _measured([took for at, took in samples if at >= began], seconds)


def drain(port: int, requests: Sequence[bytes], expected: int) -> Measured:
    """Send all of the requests, each once."""
    began, left = time.perf_counter(), iter(requests)
    samples = _all(port, [left] * CONNECTIONS, expected)
    return _measured([took for _, took in samples], time.perf_counter() - began)


def _measured(times: Sequence[float], seconds: float) -> Measured:
    p50, p99 = (1000 * percentile(times, part) for part in (0.5, 0.99))
    return Measured(len(times) / seconds, p50, p99, len(times))


def _all(port: int, clients: Sequence[Iterator[bytes]], expected: int) -> list[Sample]:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = [pool.submit(_client, port, requests, expected) for requests in clients]
        return [sample for job in jobs for sample in job.result()]


def _client(port: int, requests: Iterator[bytes], expected: int) -> list[Sample]:
    found: list[Sample] = []
    status = f"HTTP/1.1 {expected} ".encode()
    with closing(socket.create_connection((HOST, port), PATIENCE)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sent in requests:
            began = time.perf_counter()
            connection.sendall(sent)
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
    if head.startswith(b"http/1.1 204 "):
        return found
    at = head.index(b"content-length:") + len(b"content-length:")
    length = int(head[at:].split(b"\r\n", 1)[0])
    while len(found) < end + 4 + length:
        found += _more(connection)
    return found


def _more(connection: socket.socket) -> bytes:
    if not (piece := connection.recv(65536)):
        raise WrongAnswer("the server closed the connection")
    return piece
