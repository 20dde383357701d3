from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.clients.opening import utc_now
from shared.clients.postgresql import Database, PostgresqlStore, open_database
from shared.clients.postgresql.database import CONNECTIONS
from shared.clients.postgresql.place import read_place
from shared.clients.postgresql.schema import STEPS
from shared.clients.postgresql.statements import Result, Statement
from shared.errors import Misconfigured, Unavailable
from shared.model.records import Key, Put, Record
from tests import postgresql

pytestmark = postgresql.needs_server()
ROOT = Path(__file__).parents[3]
KEY = Key("project", "shop")
ONE_MORE_STEP = (*STEPS, ("ALTER TABLE litmus_gitops_record ADD COLUMN note text NOT NULL DEFAULT 'none'",))


def store_of(database: Database) -> PostgresqlStore:
    return PostgresqlStore(database, utc_now)


def test_one_url_is_one_object_until_it_is_closed(url: str) -> None:
    first = open_database(url)
    assert first is open_database(url)
    first.close()
    second = open_database(url)
    assert first is not second
    second.close()


def test_a_closed_database_says_that_the_process_is_stopping(database: Database) -> None:
    store = store_of(database)
    store.commit([Put(KEY, b"1")])
    database.close()
    with pytest.raises(Unavailable, match="was closed: the process is stopping"):
        store.get(KEY)


def test_more_threads_than_connections_take_turns(database: Database) -> None:
    store = store_of(database)
    store.commit([Put(KEY, b"1")])
    with ThreadPoolExecutor(CONNECTIONS * 2) as pool:
        assert [Record(KEY, b"1", 1)] * 200 == list(pool.map(store.get, [KEY] * 200))
    [open_now] = database.ask(
        Statement("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", ("litmus-gitops",))
    )
    assert open_now.rows[0][0] <= CONNECTIONS


def test_a_connection_that_nobody_gives_back_in_time_is_unavailability(url: str) -> None:
    database = Database(read_place(url), patience=0.1, connections=1)
    one, asked = Statement("SELECT 1"), list[Result]()
    with pytest.raises(Unavailable, match="all 1 connections to the database postgres at"):
        database.commit([one], lambda _: asked.extend(database.ask(one)))
    assert [(1,)] == database.ask(one)[0].rows
    database.close()


def test_state_waits_for_the_disk_and_claims_do_not(database: Database) -> None:
    shown = Statement("SHOW synchronous_commit")
    assert [("on",)] == database.ask(shown)[0].rows
    assert [("off",)] == database.ask(shown, durable=False)[0].rows
    assert [("on",)] == database.ask(shown)[0].rows


def test_a_statement_has_its_time_and_no_session_keeps_the_limit(url: str) -> None:
    database = Database(read_place(url), patience=0.2)
    with pytest.raises(Unavailable, match="took too long over a statement"):
        database.ask(Statement("SELECT pg_sleep(60)"))
    shown = Statement("SELECT setting, reset_val FROM pg_settings WHERE name = 'statement_timeout'")
    assert [("200", "0")] == database.ask(shown)[0].rows
    database.close()


def test_the_first_to_come_makes_the_tables_and_others_find_them(database: Database, url: str) -> None:
    store_of(database).commit([Put(KEY, b"1")])
    other = Database(read_place(url))
    assert Record(KEY, b"1", 1) == store_of(other).get(KEY)
    other.close()


MIGRATING = """
import sys
from shared.clients.opening import open_store
from shared.model.records import Key, Put

store = open_store(sys.argv[1])
sys.stdin.readline()
store.commit([Put(Key("process", sys.argv[2]), b"")])
"""


def test_processes_that_migrate_at_once_wait_for_each_other(database: Database, url: str) -> None:
    commands = [[sys.executable, "-c", MIGRATING, url, str(number)] for number in range(4)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    assert [(0, "")] * 4 == [(one.wait(), errors) for one in running for _, errors in [one.communicate("go\n")]]
    assert ["0", "1", "2", "3"] == [record.key.sort for record in store_of(database).query("process")]


def test_a_step_is_taken_once_however_long_it_takes(url: str) -> None:
    slow = (*STEPS, ("SELECT pg_sleep(0.1)", "CREATE TABLE more (n integer)", "INSERT INTO more VALUES (1)"))
    databases = [Database(read_place(url), slow) for _ in range(4)]
    counted = Statement("SELECT count(*) FROM more")
    with ThreadPoolExecutor(4) as pool:
        assert [1] * 4 == [found.rows[0][0] for [found] in pool.map(lambda one: one.ask(counted), databases)]
    for one in databases:
        one.close()


def test_a_step_is_added_and_the_release_before_works_beside_it(url: str) -> None:
    old = Database(read_place(url))
    store_of(old).commit([Put(KEY, b"1")])
    new = Database(read_place(url), ONE_MORE_STEP)
    store_of(new).commit([Put(KEY, b"2", 1)])
    store_of(old).commit([Put(KEY, b"3", 2), Put(Key("a", "b"), b"")])
    restarted = Database(read_place(url))
    assert Record(KEY, b"3", 3) == store_of(restarted).get(KEY)
    assert [("none",)] * 2 == new.ask(Statement("SELECT note FROM litmus_gitops_record"))[0].rows
    for one in (old, new, restarted):
        one.close()


def test_tables_that_a_release_does_not_know_any_more_are_refused(database: Database, url: str) -> None:
    store_of(database).commit([Put(KEY, b"1")])
    database.ask(Statement("UPDATE litmus_gitops_schema SET version = 9, least = 9"))
    other = Database(read_place(url))
    with pytest.raises(Misconfigured, match="needs a release that knows 9 steps of its tables, and this one knows 1"):
        store_of(other).get(KEY)
    other.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    wrong = (*STEPS, ("ALTER TABLE litmus_gitops_record ADD COLUMN note text", "CREATE TABLE litmus_gitops_record ()"))
    database = Database(read_place(url), wrong)
    with pytest.raises(Exception, match="already exists"):
        store_of(database).get(KEY)
    database.close()
    right = Database(read_place(url), ONE_MORE_STEP)
    store_of(right).commit([Put(KEY, b"1")])
    right.close()


FORKING = """
import os, sys
from shared.clients.opening import open_store
from shared.clients.postgresql import open_database
from shared.model.records import Key, Put

store = open_store(sys.argv[1])
store.commit([Put(Key("a", "before"), b"x")])
idle = list(open_database(sys.argv[1])._idle)
child = os.fork()
for number in range(50):
    store.commit([Put(Key("a", f"{'child' if child == 0 else 'parent'}-{number:02}"), b"x")])
same = idle == list(open_database(sys.argv[1])._idle)
if child == 0:
    os._exit(3 if same else 0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or not same)
"""


def test_a_forked_worker_connects_anew_and_the_parent_keeps_its_connection(database: Database, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    assert 101 == len(store_of(database).query("a", limit=200))
