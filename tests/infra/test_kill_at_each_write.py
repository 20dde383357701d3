"""`kill -9` at any write of the whole loop, then a restart: nothing accepted is lost, and no order runs twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from tests import postgresql
from tests.infra.loop import OWNER, Loop, until
from tests.infra.stores import Place, in_file, on_server

ROOT = Path(__file__).parents[2]
WRITES = 36
"""As many as the loop has, from the first start to the end of the run."""

SEED = int(os.environ.get("SEED") or int(os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{time.time_ns():x}")[-4:], 16))
"""The same for all workers of one run."""

KILLS = [(number, moment) for number in range(1, WRITES + 1) for moment in ("before", "after")]
SLICE = random.Random(SEED).sample(KILLS, 3)  # noqa: S311 - a slice of the soak, no secret

FEWER = random.Random(SEED).sample(KILLS, 12)  # noqa: S311 - likewise
"""Where others may work on the same store, a killed engine's leases are waited for, and each kill takes minutes."""
LEASES_END = 200.0
"""Seconds after which the longest lease of a killed engine has ended (a sync's: 120)."""


class Process:
    """The engine as a process of its own; with `kill`, one that kills itself there."""

    def __init__(self, loop: Loop, store_url: str, kill: tuple[int, str] | None = None) -> None:
        module = ["infra.local"] if kill is None else ["tests.infra.crashing", str(kill[0]), kill[1]]
        own = {"DATA_DIR": str(loop.folder / "data"), "PORT": str(loop.port), "ADMIN_TOKEN": OWNER}
        own |= {"STORE_URL": store_url, "DELIVERY_SECONDS": "5"}
        self._environment = {**os.environ, **own, "RECONCILE_SECONDS": "1", "PYTHONPATH": str(ROOT)}
        self._loop, self._command = loop, [sys.executable, "-m", *module]

    def __enter__(self) -> Self:
        with (self._loop.folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        until(lambda: self.dead() or self._loop.ready(), "the engine to serve")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def dead(self) -> bool:
        return self._process.poll() is not None


def _walk(folder: Path, place: Place, kill: tuple[int, str]) -> bool:
    """Walk the loop with a kill in it, restart, and check what must hold; return whether the kill came."""
    folder.mkdir(exist_ok=True)
    loop, store_url = Loop(folder), place(folder)
    with loop.subscriber:
        with Process(loop, store_url, kill) as doomed:
            loop.drive(doomed.dead)
            killed = _waited(loop, doomed)
        with Process(loop, store_url):
            loop.drive(lambda: False)
            _check(loop)
    return killed


def _waited(loop: Loop, doomed: Process) -> bool:
    """Wait until the kill came or nothing is left to be written."""
    until(lambda: doomed.dead() or _ended(loop), "the kill, or the end of the run")
    time.sleep(0.5)
    return doomed.dead()


def _ended(loop: Loop) -> bool:
    return [run["state"] for run in loop.rows("runs")] == ["completed"]


def _check(loop: Loop) -> None:
    synced = ["synced"]
    until(lambda: [row["state"] for row in loop.rows("experiments")] == synced, "the push to be synced", LEASES_END)
    until(lambda: _ended(loop), "the one run to end", LEASES_END)
    assert 1 == len([row for row in loop.rows("events?kind=change") if row["verdict"] == "triggered"])
    assert {run["order"] for run in loop.rows("runs")} == set(loop.subscriber.orders)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kill", SLICE, ids=lambda kill: f"{kill[1]}-write-{kill[0]}-seed-{SEED}")
def test_a_kill_at_some_write_loses_nothing_and_repeats_nothing(tmp_path: Path, kill: tuple[int, str]) -> None:
    _walk(tmp_path, in_file, kill)


@postgresql.needs_server()
@pytest.mark.timeout(180)
def test_a_kill_before_anything_is_under_way_loses_nothing_on_a_server_either(tmp_path: Path) -> None:
    assert _walk(tmp_path, on_server, (2, "after"))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("place", "kills"),
    [
        pytest.param(in_file, KILLS, id="sqlite"),
        pytest.param(on_server, FEWER, id="postgresql", marks=postgresql.needs_server()),
    ],
)
def test_a_kill_at_each_write_loses_nothing_and_repeats_nothing(
    tmp_path: Path, place: Place, kills: list[tuple[int, str]]
) -> None:
    came = [_walk(tmp_path / f"{number}-{moment}", place, (number, moment)) for number, moment in kills]
    assert len(kills) * 2 // 3 <= sum(came)
