from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3

from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.model.messages import Depth
from tests.infra.small_functions import WAITS, write_function, write_working

ROOT = Path(__file__).parents[2]
TIME_LIMIT = 20.0


class Process:
    """`python -m infra.local` on a free port, known by what it prints."""

    def __init__(self, folder: Path, **environment: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = {"DATA_DIR": str(folder / "data"), "FUNCTIONS_DIR": str(folder / "functions"), "PORT": "0"}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "infra.local"],
            cwd=ROOT,
            env=kept | given | {"LOG_LEVEL": "error"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def greeting(self) -> str:
        assert self.child.stdout is not None
        lines = []
        while line := self.child.stdout.readline():
            lines.append(line)
            if "stop" in line:
                break
        return "".join(lines)

    def url(self) -> str:
        found = re.search(r"page +(http://127\.0\.0\.1:\d+)/", self.greeting())
        assert found is not None
        return found[1]

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.child.send_signal(how)
        _, errors = self.child.communicate(timeout=TIME_LIMIT)
        return self.child.returncode, errors


@contextmanager
def process(folder: Path, **environment: str) -> Iterator[Process]:
    started = Process(folder, **environment)
    try:
        yield started
    finally:
        started.child.kill()
        started.child.communicate()


def post_until_gone(url: str, numbers: Sequence[int]) -> list[str]:
    """Return the numbers whose write was confirmed before the engine went away."""
    confirmed, pool = list[str](), urllib3.PoolManager(retries=False)
    with suppress(urllib3.exceptions.HTTPError):
        for number in numbers:
            answer = pool.request("POST", f"{url}/api/write/{number:05}?action=project", timeout=5)
            confirmed += [f"{number:05}"] if answer.status == 202 else []
    return confirmed


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_in_the_middle(folder: Path, first: int) -> list[str]:
    with process(folder) as engine, ThreadPoolExecutor(4) as pool:
        url = engine.url()
        posting = [pool.submit(post_until_gone, url, range(first + n, first + 4000, 4)) for n in range(4)]
        time.sleep(0.4)
        assert -signal.SIGKILL == engine.end(signal.SIGKILL)[0]
        return [number for thread in posting for number in thread.result()]


def test_nothing_is_lost_when_the_engine_is_killed(tmp_path: Path) -> None:
    write_working(tmp_path / "functions")
    confirmed = [number for first in (0, 4000) for number in kill_in_the_middle(tmp_path, first)]
    assert len(confirmed) > 20
    database = open_database(tmp_path / "data" / "litmus-gitops.db")
    store, queue = SqliteStore(database), SqliteQueue(database)
    with process(tmp_path) as engine:
        engine.url()
        until(lambda: queue.depth() == Depth(ready=0, delayed=0, leased=0, dead=0))
    asked = {record.key.sort for record in store.query("asked", limit=10_000)}
    done = {record.key.sort for record in store.query("done", limit=10_000)}
    database.close()
    assert asked == done
    assert set(confirmed) <= done


def test_a_terminated_engine_answers_what_runs_and_exits_with_zero(tmp_path: Path) -> None:
    write_function(tmp_path / "functions", "portal", WAITS)
    with process(tmp_path) as engine, ThreadPoolExecutor(1) as pool:
        url = engine.url()
        running = pool.submit(urllib3.request, "GET", f"{url}/wait?seconds=0.6", retries=False, timeout=5)
        time.sleep(0.3)
        assert (0, "") == engine.end(signal.SIGTERM)
        assert 200 == running.result().status


def test_a_request_that_hangs_does_not_keep_a_terminated_engine(tmp_path: Path) -> None:
    write_function(tmp_path / "functions", "portal", WAITS)
    with process(tmp_path, GRACE_SECONDS="0.2", LOG_LEVEL="info") as engine, ThreadPoolExecutor(1) as pool:
        url = engine.url()
        hanging = pool.submit(urllib3.request, "GET", f"{url}/wait?seconds=60", retries=False, timeout=30)
        time.sleep(0.3)
        started = time.monotonic()
        assert 0 == engine.end(signal.SIGTERM)[0]
        assert time.monotonic() - started < 5
        assert isinstance(hanging.exception(), urllib3.exceptions.HTTPError)


def test_an_interrupted_engine_exits_with_zero(tmp_path: Path) -> None:
    write_working(tmp_path / "functions")
    with process(tmp_path) as engine:
        engine.url()
        assert (0, "") == engine.end(signal.SIGINT)


def test_the_engine_prints_page_and_token(tmp_path: Path) -> None:
    write_working(tmp_path / "functions")
    with process(tmp_path) as engine:
        greeting = engine.greeting()
        engine.end(signal.SIGTERM)
    assert (tmp_path / "data" / "admin-token").read_text().strip() in greeting
    assert "litmus-gitops project create" in greeting


def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    write_working(tmp_path / "functions")
    with process(tmp_path) as first, process(tmp_path) as second:
        if not first.greeting():
            first, second = second, first  # noqa: PLW2901 - whichever came first holds the folder
        _, errors = second.child.communicate(timeout=TIME_LIMIT)
        assert 1 == second.child.returncode
        assert f"is in use by process {first.child.pid}: stop that one, or set DATA_DIR" in errors


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    with process(tmp_path, PORT="http") as engine:
        _, errors = engine.child.communicate(timeout=TIME_LIMIT)
        assert 1 == engine.child.returncode
        assert "litmus-gitops cannot start: PORT='http' is no number from 0 to 65535\n" == errors
