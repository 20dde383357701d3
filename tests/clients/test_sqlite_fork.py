"""A server that forks its workers after the function was loaded, as gunicorn does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.clients.sqlite import SqliteStore, open_database
from shared.model.records import Key

FORKING = """
import os, sys
from shared.clients.sqlite import SqliteStore, open_database
from shared.model.records import Key, Put

database = open_database(sys.argv[1])
store = SqliteStore(database)
store.commit([Put(Key("a", "before"), b"x")])
inherited = database._durable
child = os.fork()
for number in range(50):
    store.commit([Put(Key("a", f"{'child' if child == 0 else 'parent'}-{number:02}"), b"x")])
if child == 0:
    os._exit(0 if database._durable is not inherited else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_worker_connects_anew_and_neither_side_loses_a_write(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    done = subprocess.run([sys.executable, "-c", FORKING, str(path)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    database = open_database(path)
    rows = SqliteStore(database).query("a", limit=200)
    database.close()
    assert 101 == len(rows)
    assert Key("a", "before") == rows[0].key
