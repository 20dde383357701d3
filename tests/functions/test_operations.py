"""What whoever runs a function asks of it, deployed alone: is it up, could it do its work, what has it done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from infra.local.environment import applied
from shared.clients.readiness import answers
from shared.clients.sqlite import SqliteStore, open_database
from shared.errors import Unavailable
from tests.functions.receiving import prepare
from tests.servers import ask, load, waitress_server

ROOT = Path(__file__).parents[2]
STATEFUL = sorted(path.parent.name for path in ROOT.glob("functions/*/main.py") if path.parent.name != "subscriber")

SLOW = """CREATE VIEW record AS SELECT CASE WHEN most = 0 THEN 'readiness' END AS partition, '-' AS sort, x'' AS value,
    1 AS version, NULL AS expires_at FROM (WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted
    WHERE i < 2000000) SELECT max(i) AS most FROM counted)"""
"""A table that takes a while to be read."""


@contextmanager
def serving(name: str, folder: Path) -> Iterator[int]:
    """Serve a function alone, on a data folder of its own."""
    prepare(folder)
    with applied({"DATA_DIR": str(folder), "ADMIN_TOKEN": "owner"}):
        app = load(ROOT / "functions" / name / "main.py", name)
    with waitress_server(app) as port:
        yield port
    open_database(folder / "litmus-gitops.db").close()


@pytest.mark.parametrize("name", STATEFUL)
def test_a_function_is_ready_while_its_store_can_be_read(name: str, tmp_path: Path) -> None:
    with serving(name, tmp_path) as port:
        assert (200, {"status": "ready"}) == ((ready := ask(port, "GET", "/readyz")).status, ready.json())
        with closing(sqlite3.connect(tmp_path / "litmus-gitops.db")) as other:
            other.execute("ALTER TABLE record RENAME TO elsewhere")
        broken = ask(port, "GET", "/readyz")
        assert (503, "the store cannot be read: the log has the details") == (broken.status, broken.json()["detail"])
        assert 200 == ask(port, "GET", "/healthz").status


@pytest.mark.parametrize("name", STATEFUL)
def test_a_function_alone_counts_what_it_answers(name: str, tmp_path: Path) -> None:
    with serving(name, tmp_path) as port:
        ask(port, "GET", "/nowhere/at/all")
        answer = ask(port, "GET", "/metrics")
    assert (200, "text/plain; version=0.0.4; charset=utf-8") == (answer.status, answer.headers["Content-Type"])
    assert b'litmus_gitops_requests_total{route="-",status="404"}' in answer.data


def test_probes_leave_no_line_while_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving("git_push", tmp_path) as port:
        assert [200] * 3 == [ask(port, "GET", path).status for path in ("/healthz", "/readyz", "/metrics")]
    assert "answered" not in capsys.readouterr().err


def test_a_store_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    store = SqliteStore(open_database(tmp_path / "db"))
    with closing(sqlite3.connect(tmp_path / "db")) as other:
        other.executescript(f"ALTER TABLE record RENAME TO elsewhere; {SLOW}")
    hasty, patient = answers(store, seconds=0.02), answers(store, seconds=60)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"does not answer within 0\.02 seconds"):
            hasty()
    patient()
    open_database(tmp_path / "db").close()
