"""The tables, as a list of steps; a table of one row says how many of them a database has taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from shared.errors import Misconfigured

Connection = psycopg.Connection[tuple[Any, ...]]
Step = tuple[str, ...]

STEPS: Final[tuple[Step, ...]] = (
    (
        """CREATE TABLE litmus_gitops_record (
             partition text COLLATE "C" NOT NULL,
             sort text COLLATE "C" NOT NULL,
             value bytea NOT NULL,
             version bigint NOT NULL,
             expires_at double precision,
             PRIMARY KEY (partition, sort)
           )""",
        """CREATE INDEX litmus_gitops_record_by_expiry ON litmus_gitops_record (expires_at)
           WHERE expires_at IS NOT NULL""",
        """CREATE TABLE litmus_gitops_message (
             id text COLLATE "C" NOT NULL PRIMARY KEY,
             function text COLLATE "C" NOT NULL,
             action text NOT NULL,
             ids text NOT NULL,
             sent_at double precision NOT NULL,
             visible_at double precision NOT NULL,
             attempts integer NOT NULL,
             receipt text,
             forwarded_at double precision
           )""",
        "CREATE INDEX litmus_gitops_message_by_visibility ON litmus_gitops_message (visible_at, function)",
        """CREATE TABLE litmus_gitops_dead_letter (
             id text COLLATE "C" NOT NULL PRIMARY KEY,
             function text NOT NULL,
             action text NOT NULL,
             ids text NOT NULL,
             attempts integer NOT NULL,
             reason text NOT NULL,
             died_at text NOT NULL
           )""",
    ),
)
"""Never change a step that was released: append one, and let it add only.

During an upgrade the release before works beside this one, on the tables that this one left: a new column has a default
or may be null, and nothing is renamed or removed.
"""

LEAST: Final = 1
"""How many steps a release must know to work on these tables; raised only by a step that does not merely add."""

_LOCK: Final = 0x6C69746D7573
"""The advisory lock of whoever migrates: "litmus" in hexadecimal."""

_TABLE: Final = """CREATE TABLE IF NOT EXISTS litmus_gitops_schema (
                     one boolean PRIMARY KEY DEFAULT true CHECK (one),
                     version integer NOT NULL,
                     least integer NOT NULL
                   )"""
_NOTE: Final = """INSERT INTO litmus_gitops_schema (version, least) VALUES (%s, %s)
                  ON CONFLICT (one) DO UPDATE SET version = excluded.version, least = excluded.least"""


def migrate(connection: Connection, name: str, steps: Sequence[Step], least: int = LEAST) -> None:
    """Take the steps that the database lacks, all or none, while whoever else would do the same waits.

    Raises `Misconfigured` if a newer release changed the tables in a way that this one does not know.
    """
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise Misconfigured(f"the database {name} does not keep UTF-8: create one with ENCODING 'UTF8'")
    if state(connection)[0] < len(steps):
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            _take(connection, steps, least)
    if state(connection)[1] > len(steps):
        raise Misconfigured(
            f"the database {name} needs a release that knows {state(connection)[1]} steps of its tables, and this one "
            f"knows {len(steps)}: start the newer release again, or restore a backup from before it"
        )


def state(connection: Connection) -> tuple[int, int]:
    """Return how many steps the database has taken, and how many a release must know to work on it."""
    [exists] = connection.execute("SELECT to_regclass('litmus_gitops_schema') IS NOT NULL").fetchone() or [False]
    row = connection.execute("SELECT version, least FROM litmus_gitops_schema").fetchone() if exists else None
    return row or (0, 0)


def _take(connection: Connection, steps: Sequence[Step], least: int) -> None:
    """Take what is still lacking once the lock is ours."""
    connection.execute(_TABLE)
    done, _ = state(connection)
    for step in steps[done:]:
        for statement in step:
            connection.execute(statement)
    if done < len(steps):
        connection.execute(_NOTE, (len(steps), least))
