"""The tables, as a list of steps; `PRAGMA user_version` says how many of them a file has taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from shared.errors import Misconfigured

Step = tuple[str, ...]

STEPS: Final[tuple[Step, ...]] = (
    (
        """CREATE TABLE record (
             partition TEXT NOT NULL,
             sort TEXT NOT NULL,
             value BLOB NOT NULL,
             version INTEGER NOT NULL,
             PRIMARY KEY (partition, sort)
           ) WITHOUT ROWID""",
        """CREATE TABLE message (
             id TEXT NOT NULL PRIMARY KEY,
             function TEXT NOT NULL,
             action TEXT NOT NULL,
             ids TEXT NOT NULL,
             sent_at REAL NOT NULL,
             visible_at REAL NOT NULL,
             attempts INTEGER NOT NULL,
             receipt TEXT
           ) WITHOUT ROWID""",
        "CREATE INDEX message_by_visibility ON message (visible_at, function)",
        """CREATE TABLE dead_letter (
             id TEXT NOT NULL PRIMARY KEY,
             function TEXT NOT NULL,
             action TEXT NOT NULL,
             ids TEXT NOT NULL,
             attempts INTEGER NOT NULL,
             reason TEXT NOT NULL,
             died_at TEXT NOT NULL
           ) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE record ADD COLUMN expires_at REAL",
        "CREATE INDEX record_by_expiry ON record (expires_at) WHERE expires_at IS NOT NULL",
    ),
    (
        "ALTER TABLE record RENAME TO former_record",
        """CREATE TABLE record (
             id INTEGER PRIMARY KEY,
             partition TEXT NOT NULL,
             sort TEXT NOT NULL,
             version INTEGER NOT NULL,
             expires_at REAL,
             value BLOB NOT NULL
           )""",
        """INSERT INTO record (partition, sort, version, expires_at, value)
           SELECT partition, sort, version, expires_at, value FROM former_record""",
        "DROP TABLE former_record",
        "CREATE UNIQUE INDEX record_by_key ON record (partition, sort)",
        "CREATE INDEX record_by_expiry ON record (expires_at) WHERE expires_at IS NOT NULL",
    ),
)
"""Never change a step that was released: append one.

The third one keeps keys and values apart: where both are in one tree, as in a table without rowids, SQLite reads every
value that it passes by in its search for a key. What is looked at without the value stands before it.
"""


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    """Take the steps that the file lacks, each in its own transaction, whoever else may be doing the same."""
    while version(connection) < len(steps):
        _take_next(connection, steps)
    if version(connection) > len(steps):
        raise Misconfigured(
            f"the database {path} has schema version {version(connection)} and this release knows {len(steps)}: "
            "start the newer release again, or restore a backup from before it"
        )


def version(connection: sqlite3.Connection) -> int:
    """Return how many steps the file has taken."""
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _take_next(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = version(connection)
        for number, step in enumerate(steps[done : done + 1], start=done + 1):
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
