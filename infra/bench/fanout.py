"""One trigger that reaches many clusters: ours from the webhook to the last subscriber, beside loops that only POST."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Final

import httpx
import urllib3

from infra.bench.clusters import TEXT, end_runs, experiment, settle, wait_until_taken
from infra.bench.figures import Figure, median
from infra.bench.house import PROJECT, House
from infra.bench.processes import HOST, LOOK_EVERY, PATIENCE, answers
from infra.bench.reviews import reviews
from shared.model.orders import Order
from shared.rules.keys import subscriber_key, token
from shared.wire.orders import signed

SIZE: Final = 500
ROUNDS: Final = 5
THREADS: Final = 32
OK: Final = 200
ROOT: Final = Path(__file__).parents[2]
Posts = Sequence[tuple[int, dict[str, str], bytes]]


class NotReached(RuntimeError):
    """Not every subscriber got its order in time."""


@dataclass(frozen=True, slots=True)
class Stand:
    """The subscribers' process."""

    ports: list[int]
    told: IO[str]
    says: IO[str]

    def expect(self, count: int) -> None:
        """Say how many orders come next."""
        self.told.write(f"{count}\n")
        self.told.flush()

    def wait(self) -> tuple[float, float]:
        """Return when the first and when the last of them came, on the monotonic clock."""
        first, last = json.loads(self.says.readline())
        return first, last


@dataclass(frozen=True, slots=True)
class Scene:
    """What is measured: the engine, the subscribers, and where they are."""

    house: House
    port: int
    process: int
    stand: Stand

    @property
    def resident(self) -> float:
        """The engine's memory in MiB."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def rates(self, act: Callable[[], None]) -> tuple[float, float]:
        """Return how many orders a second came: counted from the start, and from the first that came."""
        size = len(self.ports)
        self.stand.expect(size)
        began = time.monotonic()
        act()
        first, last = self.stand.wait()
        return size / (last - began), size / (last - first)

    def trigger(self, turn: int) -> None:
        """Change a Deployment of cluster `c0` that experiment `turn` watches."""
        path = f"/admission/c0/{token(self.house.master, 'admission', 'c0', 1)}"
        review = reviews(path, watched=True)(turn).partition(b"\r\n\r\n")[2]
        body = review.replace(b"cart-pod-delete", experiment(turn).encode())
        headers = {"content-type": "application/json"}
        answer = urllib3.request("POST", f"http://{HOST}:{self.port}{path}", body=body, headers=headers)
        if answer.status != OK:
            raise NotReached(f"the change was answered {answer.status}")

    def posts(self, name: str) -> Posts:
        """Return orders like ours, signed beforehand."""
        now = datetime.now(UTC)
        until = (now + timedelta(hours=1)).isoformat()
        return [(port, *self._post(number, f"{name}-{number}", until, now)) for number, port in enumerate(self.ports)]

    @property
    def ports(self) -> list[int]:
        """Where the subscribers are."""
        return self.stand.ports

    def _post(self, number: int, name: str, until: str, now: datetime) -> tuple[dict[str, str], bytes]:
        digest = hashlib.sha256(TEXT).hexdigest()
        order = Order(name, PROJECT, experiment(0), "run", until, TEXT.decode(), digest)
        return signed(order, subscriber_key(self.house.master, f"c{number}", 1), now.timestamp())


def measure(house: House, size: int = SIZE, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Trigger once a round, and POST orders like ours by other means in between.

    The engine's port is held until the subscribers have theirs, lest one of so many takes it.
    """
    held = socket.create_server((HOST, 0))
    port = held.getsockname()[1]
    with _fleet(house, port, size) as stand:
        held.close()
        settle(house, stand.ports, rounds)
        with _engine(house, port) as process:
            yield from _figures(Scene(house, port, process, stand), rounds)


def _figures(scene: Scene, rounds: int) -> Iterator[Figure]:
    sizes, ours = [scene.resident], []
    others: dict[str, list[float]] = {name: [] for name in _REFERENCES}
    for turn in range(rounds):
        ours.append(scene.rates(partial(scene.trigger, turn)))
        sizes.append(scene.resident)
        wait_until_taken(scene.house, len(scene.ports))
        for place, (name, act) in enumerate(_REFERENCES.items()):
            others[name].append(scene.rates(partial(act, scene.posts(f"{place}-{turn}")))[0])
        end_runs(scene.house, len(scene.ports))
    group = f"one trigger, {len(scene.ports)} clusters"
    told = {"from the webhook to the last order": 0, "from the first order to the last": 1}
    for name, which in told.items():
        rate = median([rates[which] for rates in ours])
        for beside, other in others.items():
            yield Figure(group, name, rate, "/s", beside, median(other))
    yield Figure(group, "memory after 1 trigger", sizes[1], "MiB", "before", sizes[0])
    yield Figure(group, f"memory after {rounds} triggers", sizes[-1], "MiB", "after 1 trigger", sizes[1])


def _loop(posts: Posts) -> None:
    for port, headers, body in posts:
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        connection.request("POST", "/", body, headers)
        connection.getresponse().read()
        connection.close()


def _client(posts: Posts) -> None:
    with httpx.Client(timeout=PATIENCE) as client:
        for port, headers, body in posts:
            client.post(f"http://{HOST}:{port}/", headers=headers, content=body)


def _crowd(posts: Posts) -> None:
    pool = urllib3.PoolManager(num_pools=THREADS, retries=False, timeout=PATIENCE)
    with pool, ThreadPoolExecutor(THREADS) as threads:
        list(
            threads.map(
                lambda one: pool.request("POST", f"http://{HOST}:{one[0]}/", body=one[2], headers=one[1]), posts
            )
        )


_REFERENCES: Final[Mapping[str, Callable[[Posts], None]]] = {
    "http.client, one by one": _loop,
    "httpx, one by one": _client,
    f"urllib3, {THREADS} threads": _crowd,
}


@contextmanager
def _fleet(house: House, port: int, size: int) -> Iterator[Stand]:
    words = [str(house.data), str(size), f"http://{HOST}:{port}"]
    with _running("infra.bench.fleet", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        if child.stdin is None or child.stdout is None:
            raise NotReached("the subscribers have no pipes")
        yield Stand(json.loads(child.stdout.readline()), child.stdin, child.stdout)


@contextmanager
def _engine(house: House, port: int) -> Iterator[int]:
    """Serve all functions as `make run` does; give the process id."""
    own = {"DATA_DIR": str(house.data), "PORT": str(port), "ADMIN_TOKEN": "owner", "LOG_LEVEL": "WARNING"}
    with _running("infra.local", environment=own, stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            if child.poll() is not None or time.monotonic() > deadline:
                raise NotReached("the engine does not serve")
            time.sleep(LOOK_EVERY)
        yield child.pid


@contextmanager
def _running(
    module: str, *words: str, environment: Mapping[str, str] | None = None, stdout: int, stdin: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=stdin,
        stdout=stdout,
        text=True,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=PATIENCE)
