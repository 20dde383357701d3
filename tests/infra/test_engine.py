from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.clients.opening import open_store, utc_now
from shared.clients.sqlite import SqliteQueue, open_database
from shared.model.messages import Message
from shared.model.records import Key
from shared.ports.state import Store
from shared.services.leases import Leases
from tests.infra.small_functions import WAITS, WORKS, ask, write_function, write_named, write_working


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return LocalSettings(data_dir=tmp_path / "data", port=0, functions=tmp_path / "functions", threads=8, couriers=4)


@pytest.fixture
def named(settings: LocalSettings) -> Iterator[Engine]:
    write_named(settings.functions)
    with Engine(settings) as engine:
        yield engine


@contextmanager
def working(settings: LocalSettings) -> Iterator[tuple[Engine, Store]]:
    write_working(settings.functions)
    with Engine(settings) as engine:
        yield engine, open_store(database_url(settings))


def database_url(settings: LocalSettings) -> str:
    return f"sqlite:{settings.data_dir / 'litmus-gitops.db'}"


def until(look: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("path", "function"),
    [
        pytest.param("/git/shop", "git_push", id="push-delivery"),
        pytest.param("/admission/c1/token", "workload_admission", id="admission-review"),
        pytest.param("/changes/c1", "workload_admission", id="forwarded-changes"),
        pytest.param("/audit/c1/token", "workload_audit", id="audit-events"),
        pytest.param("/reports/c1", "run_report", id="report"),
        pytest.param("/orders/c1", "dispatch", id="orders"),
        pytest.param("/internal/sync", "sync", id="message-to-sync"),
        pytest.param("/internal/reconcile", "reconcile", id="message-to-reconcile"),
        pytest.param("/api/projects", "portal", id="api"),
        pytest.param("/", "portal", id="page"),
        pytest.param("/page.css", "portal", id="asset"),
        pytest.param("/gitops", "portal", id="a-name-that-only-begins-like-one"),
    ],
)
def test_a_path_is_served_by_its_function(named: Engine, path: str, function: str) -> None:
    assert (200, {"function": function, "path": path, "bytes": 0}) == ask(named, "POST", path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/internal/subscriber", id="a-function-that-runs-in-clusters"),
        pytest.param("/internal/nobody", id="no-function"),
        pytest.param("/internal", id="no-name"),
    ],
)
def test_a_message_to_nobody_is_not_found(named: Engine, path: str) -> None:
    status, problem = ask(named, "POST", path)
    assert (404, "Not found") == (status, problem["title"])


def test_the_engine_answers_for_itself(named: Engine) -> None:
    assert (200, {"status": "ok"}) == ask(named, "GET", "/healthz")
    assert (200, {"status": "ready"}) == ask(named, "GET", "/readyz")


def test_metrics_hold_what_functions_count_and_the_queue(settings: LocalSettings) -> None:
    with working(settings) as (engine, store):
        ask(engine, "POST", "/api/write/1")
        until(lambda: store.get(Key("done", "1")))
        until(lambda: 'queue_messages{state="leased"} 0' in ask(engine, "GET", "/metrics")[1])
        text = ask(engine, "GET", "/metrics")[1]
    assert 'litmus_gitops_reviews_total{outcome="tried"}' in text
    assert 'litmus_gitops_messages_total{function="sync",outcome="done"}' in text
    assert "litmus_gitops_queue_oldest_age_seconds 0\n" in text


def test_a_body_over_the_limit_is_refused(named: Engine) -> None:
    assert 413 == ask(named, "POST", "/git/shop", b"x" * (27 << 20))[0]
    status, answer = ask(named, "POST", "/git/shop", b"x" * (25 << 20))
    assert (200, 25 << 20) == (status, answer["bytes"])


def test_a_committed_message_reaches_its_function_within_milliseconds(settings: LocalSettings) -> None:
    with working(settings) as (engine, store):
        delays = []
        for number in range(20):
            sent = time.time()
            ask(engine, "POST", f"/api/write/{number}")
            until(lambda number=number: store.get(Key("done", str(number))))  # type: ignore[misc]
            record = store.get(Key("done", str(number)))
            assert record is not None
            delays.append(float(record.value) - sent)
    assert sorted(delays)[10] < 0.1


def test_a_message_that_came_too_early_comes_again_and_uses_up_no_attempt(settings: LocalSettings) -> None:
    with working(settings) as (engine, store):
        ask(engine, "POST", "/api/write/1?action=early")
        until(lambda: store.get(Key("done", "1")))
        text = ask(engine, "GET", "/metrics")[1]
    assert 'litmus_gitops_messages_total{function="sync",outcome="not_yet"}' in text


def test_a_message_that_an_earlier_process_had_claimed_is_delivered_at_once(settings: LocalSettings) -> None:
    settings.data_dir.mkdir()
    store = open_store(database_url(settings))
    database = open_database(settings.data_dir / "litmus-gitops.db")
    store.commit([], [Message("m", "sync", "project", {"number": "7"})])
    assert 1 == len(SqliteQueue(database).receive(1, 3600))
    assert Leases(store, utc_now).take("sync/shop", "before", 3600) is not None
    database.close()
    with working(settings) as (_, store):
        until(lambda: store.get(Key("done", "7")))
        assert Leases(store, utc_now).take("sync/shop", "after", 3600) is not None


def test_ticks_come_at_start_and_again(settings: LocalSettings) -> None:
    write_function(settings.functions, "reconcile", WORKS)
    with working(replace(settings, reconcile=0.2)) as (_, store):
        until(lambda: len(store.query("ticks")) >= 3)


def test_subscribers_that_wait_leave_threads_for_the_others(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    write_function(settings.functions, "dispatch", WAITS)
    with Engine(settings) as engine, ThreadPoolExecutor(12) as pool:
        polls = [pool.submit(ask, engine, "GET", "/orders/c1?seconds=0.7") for _ in range(12)]
        started = time.monotonic()
        assert 200 == ask(engine, "POST", "/api/projects")[0]
        assert time.monotonic() - started < 0.5
        statuses = sorted(poll.result()[0] for poll in polls)
        assert 200 == ask(engine, "GET", "/orders/c1?seconds=0")[0]
    assert [200] * 4 + [503] * 8 == statuses


def test_a_stopping_engine_answers_what_runs_and_refuses_what_comes(settings: LocalSettings) -> None:
    write_function(settings.functions, "portal", WAITS)
    with Engine(settings) as engine, ThreadPoolExecutor(2) as pool:
        running = pool.submit(ask, engine, "GET", "/wait?seconds=0.6")
        time.sleep(0.2)
        stopping = pool.submit(engine.stop)
        time.sleep(0.1)
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            ask(engine, "GET", "/wait?seconds=0")
        assert not running.done()
        assert (200, {"waited": True}) == running.result()
        stopping.result()


def test_an_engine_may_be_stopped_the_moment_it_started(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    for _ in range(20):
        with Engine(settings):
            pass


def test_a_message_that_is_worked_on_while_the_engine_stops_is_done_once(settings: LocalSettings) -> None:
    with working(settings) as (engine, store):
        ask(engine, "POST", "/api/write/1?action=slow")
        until(lambda: store.get(Key("begun", "1")))
    with working(settings) as (_, store):
        assert store.get(Key("done", "1")) is not None
        record = store.get(Key("begun", "1"))
        assert record is not None
        assert 1 == record.version
