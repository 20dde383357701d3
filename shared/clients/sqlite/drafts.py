"""Commits worked out in memory, each on those before it, and written with few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Final

from shared.clients.sqlite import rows
from shared.clients.sqlite.statements import STAYS, in_parts, looking_up, tuples
from shared.errors import Stale
from shared.model.records import ABSENT, Delete, Key, Put, Write
from shared.ports.state import Batch

_DELETE: Final = "DELETE FROM record WHERE partition = ? AND sort = ?"

_Row = tuple[str, str, int, float | None, bytes]
"""partition, sort, version, expires_at, value."""


class Draft:
    """What commits come to, for an open transaction: nothing is written before `write`.

    The versions of what these `writes` concern are looked up at once, unless none of them hangs on one: then the
    statement that writes counts up itself. `now` is in seconds since 1970.
    """

    def __init__(self, connection: sqlite3.Connection, writes: Sequence[Write], now: float) -> None:
        self._connection = connection
        self._now = now
        keys = [write.key for write in writes]
        self._blind = len(set(keys)) == len(keys) and all(write.expected is None for write in writes)
        self._versions = {} if self._blind else _versions(connection, keys, now)
        self._rows: dict[Key, _Row] = {}
        self._gone: set[Key] = set()
        self._messages: list[rows.Row] = []

    def add(self, batch: Batch, now: float, expiry: float | None) -> Stale | None:
        """Add a commit as a whole, or return why it does not hold: then nothing of it is added.

        `now` is when its messages are sent, and `expiry` until when what ages stays, in seconds since 1970.
        """
        writes, messages = batch
        for write in writes:
            version = self._versions.get(write.key, ABSENT)
            if write.expected is not None and version != write.expected:
                place = f"{write.key.partition}/{write.key.sort}"
                return Stale(f"{place} is at version {version}, not {write.expected}: read it again")
        for write in writes:
            self._do(write, expiry)
        self._messages += [rows.as_row(message, now) for message in messages]
        return None

    def write(self) -> None:
        """Write what was added."""
        self._connection.executemany(_DELETE, [(key.partition, key.sort) for key in self._gone])
        for few in in_parts(list(self._rows.values())):
            values = [value for row in few for value in row]
            if self._blind:
                self._connection.execute(_adding(len(few)), [*values, self._now])
            else:
                self._connection.execute(_putting(len(few)), values)
        rows.send(self._connection, self._messages)

    def _do(self, write: Write, expiry: float | None) -> None:
        key = write.key
        if isinstance(write, Put):
            version = self._versions[key] = self._versions.get(key, ABSENT) + 1
            self._rows[key] = (key.partition, key.sort, version, expiry if write.ages else None, write.value)
            self._gone.discard(key)
        elif isinstance(write, Delete):
            self._versions.pop(key, None)
            self._rows.pop(key, None)
            self._gone.add(key)


def _versions(connection: sqlite3.Connection, keys: Sequence[Key], now: float) -> dict[Key, int]:
    """Return the versions of those of the records that exist."""
    asked = looking_up(keys, "version", now)
    found = (row for statement, values in asked for row in connection.execute(statement, values))
    return {Key(partition, sort): version for partition, sort, version in found}


@cache
def _putting(count: int) -> str:
    """Return what writes so many records, whatever is there: also one that aged and was not tidied away yet."""
    return f"{_upserting(count)}, version = excluded.version"


@cache
def _adding(count: int) -> str:
    """Return the same for records whose versions nobody knows; what aged by now begins anew."""
    return f"{_upserting(count)}, version = CASE WHEN {STAYS} THEN record.version ELSE 0 END + 1"


def _upserting(count: int) -> str:
    return f"""INSERT INTO record (partition, sort, version, expires_at, value) VALUES {tuples(count, 5)}
               ON CONFLICT (partition, sort) DO UPDATE SET value = excluded.value,
                                                           expires_at = excluded.expires_at"""  # noqa: S608 - likewise
