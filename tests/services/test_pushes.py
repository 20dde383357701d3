"""The receiver of pushes on a real store: who signed, what is kept, and what a race or a full disk leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.secrets import SecretReferences
from shared.clients.sqlite import Database, SqliteStore
from shared.edge.metrics import Metrics
from shared.errors import NotFound, NotYet, Unauthenticated, Unavailable
from shared.model.calls import Answer, Call
from shared.model.projects import GitOps, Project
from shared.services.dirt import dirty
from shared.services.pushes import Pushes
from shared.services.tables import DELIVERIES, EVENTS, PROJECTS, SYNCS
from tests.hosts import SECRET, STRANGER, fixture

PUSH = fixture("github/push__branch")
PING = fixture("github/ping__new_webhook")
SHOP = GitOps("https://git.example.com/shop.git", "litmus/shop", webhook_secrets=("file:former", "file:hook"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "state.db", patience=0.05)) as database:
        yield database


@pytest.fixture
def store(database: Database) -> SqliteStore:
    store = SqliteStore(database)
    _save(store, SHOP)
    return store


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, value in (("former", "some other secret"), ("hook", SECRET)):
        (tmp_path / name).write_text(value)
    return tmp_path


@pytest.fixture
def pushes(store: SqliteStore, secrets: Path, metrics: Metrics) -> Pushes:
    return Pushes(store, SecretReferences(secrets, {}), utc_now, new_id, metrics.count)


def _save(store: SqliteStore, gitops: GitOps | None) -> None:
    store.commit([PROJECTS.put(Project("shop", "Shop", "2026-10-30T09:00:00.000Z", gitops), "shop")])


def _call(delivery: str = "d-1", secret: str = SECRET) -> Call:
    headers = {name.lower(): value for name, value in PUSH.headers(delivery, secret).items()}
    return Call("POST", "/git/shop", {"project": "shop"}, {}, headers, PUSH.body)


def _verdicts(store: SqliteStore) -> list[str]:
    return [EVENTS.read(row).value.verdict for row in store.query(EVENTS.partition("shop", "delivery"))]


def _dirty(store: SqliteStore) -> int:
    state = SYNCS.load(store, "shop")
    return 0 if state is None else state.value.dirty


def test_the_row_names_the_secret_that_signed_and_never_its_value(pushes: Pushes, store: SqliteStore) -> None:
    for delivery, secret in (("d-1", "some other secret"), ("d-2", SECRET)):
        assert 202 == pushes.receive(_call(delivery, secret)).status
    rows = store.query(EVENTS.partition("shop", "delivery"))
    assert ["file:former", "file:hook"] == [EVENTS.read(row).value.detail["secret"] for row in rows]
    assert not any(SECRET.encode() in row.value for row in rows)


def test_a_secret_that_is_gone_keeps_no_other_from_working(pushes: Pushes, secrets: Path) -> None:
    (secrets / "former").unlink()
    assert 202 == pushes.receive(_call()).status


def test_a_rotated_secret_counts_at_once_and_the_former_no_longer(pushes: Pushes, secrets: Path) -> None:
    (secrets / "hook").write_text(STRANGER)
    assert 202 == pushes.receive(_call(secret=STRANGER)).status
    with pytest.raises(Unauthenticated):
        pushes.receive(_call(secret=SECRET))


def test_without_a_secret_that_can_be_read_nobody_is_let_in(pushes: Pushes, secrets: Path, store: SqliteStore) -> None:
    (secrets / "former").unlink()
    (secrets / "hook").unlink()
    with pytest.raises(Unauthenticated, match="GitOps settings"):
        pushes.receive(_call())
    assert [] == _verdicts(store)


@pytest.mark.parametrize("gitops", [None, "no project"])
def test_a_project_without_gitops_is_as_good_as_none(pushes: Pushes, store: SqliteStore, gitops: str | None) -> None:
    _save(store, None) if gitops is None else store.commit([PROJECTS.delete("shop")])
    with pytest.raises(NotFound):
        pushes.receive(_call())


def test_a_delivery_between_our_reads_is_not_taken_for_new_twice(pushes: Pushes, store: SqliteStore) -> None:
    meanwhile: list[Callable[[], Answer]] = [lambda: pushes.receive(_call())]

    def interrupted() -> str:
        while meanwhile:
            meanwhile.pop()()
        return new_id()

    assert 202 == Pushes(store, pushes.secrets, utc_now, interrupted, pushes.count).receive(_call()).status
    assert (["accepted", "repeated"], 2) == (sorted(_verdicts(store)), _dirty(store))


def test_a_delivery_that_others_outrun_each_time_is_to_come_again(pushes: Pushes, store: SqliteStore) -> None:
    def outrun() -> str:
        store.commit(*dirty(store, new_id, "shop"))
        return new_id()

    with pytest.raises(NotYet, match="send it again"):
        Pushes(store, pushes.secrets, utc_now, outrun, pushes.count).receive(_call())
    assert ([], None) == (_verdicts(store), DELIVERIES.load(store, "shop", "d-1"))


def test_what_cannot_be_written_leaves_nothing_and_may_come_again(
    pushes: Pushes, store: SqliteStore, database: Database
) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            pushes.receive(_call())
        other.execute("ROLLBACK")
    assert ([], 0, None) == (_verdicts(store), _dirty(store), DELIVERIES.load(store, "shop", "d-1"))
    assert 202 == pushes.receive(_call()).status
    assert (["accepted"], 1) == (_verdicts(store), _dirty(store))


def test_outcomes_are_counted(pushes: Pushes, metrics: Metrics) -> None:
    pushes.receive(_call())
    pushes.receive(_call())
    headers = {name.lower(): value for name, value in PING.headers("d-2").items()}
    pushes.receive(Call("POST", "/git/shop", {"project": "shop"}, {}, headers, PING.body))
    counted = [line.partition(" ")[0] for line in metrics.render().splitlines() if not line.startswith("#")]
    assert [f'litmus_gitops_deliveries_total{{outcome="{o}"}}' for o in ("accepted", "ignored", "repeated")] == counted
