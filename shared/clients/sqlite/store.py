"""`ports.Store` on SQLite: records in one table, the messages they cause in the next, both in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from shared.clients.limits import check_limit, check_writes
from shared.clients.sqlite.database import Clock, Database, utc_now
from shared.clients.sqlite.rows import send
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Delete, Key, Put, Record, Write

_ONE = "SELECT value, version FROM record WHERE partition = ? AND sort = ?"
_VERSION = "SELECT version FROM record WHERE partition = ? AND sort = ?"
_PAGE = """SELECT sort, value, version FROM record
           WHERE partition = ? AND sort >= CAST(? AS TEXT) AND sort < CAST(? AS TEXT)
           ORDER BY sort {} LIMIT ?"""
_OLDEST_FIRST, _NEWEST_FIRST = _PAGE.format("ASC"), _PAGE.format("DESC")
_ADD = "INSERT INTO record (partition, sort, value, version) VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING"
_PUT = """INSERT INTO record (partition, sort, value, version) VALUES (?, ?, ?, 1)
          ON CONFLICT DO UPDATE SET value = excluded.value, version = record.version + 1"""
_REPLACE = "UPDATE record SET value = ?, version = version + 1 WHERE partition = ? AND sort = ? AND version = ?"
_DELETE = "DELETE FROM record WHERE partition = ? AND sort = ?"
_DELETE_IF = f"{_DELETE} AND version = ?"


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Records in one database file; `clock` dates the messages that commits send."""

    database: Database
    clock: Clock = utc_now

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        with self.database.read(statements=1) as connection:
            return _get(connection, key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist, all as they were at one moment."""
        with self.database.read(statements=len(keys)) as connection:
            found = (_get(connection, key) for key in keys)
            return {record.key: record for record in found if record is not None}

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Record]:
        """List a partition by sort key, from beyond `after`, in descending order if `newest_first`."""
        check_limit(limit)
        low, high = _bounds(prefix, after, newest_first=newest_first)
        page = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        with self.database.read(statements=1) as connection:
            rows = connection.execute(page, (partition, low, high, limit)).fetchall()
        return [Record(Key(partition, sort), value, version) for sort, value, version in rows]

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        Raises `ValueError` for more than 100 writes or a key named twice, `Unavailable` if the file cannot be written.
        """
        check_writes(writes)
        with self.database.write() as connection:
            for write in writes:
                _apply(connection, write)
            send(connection, messages, self.clock().timestamp())
        if messages:
            self.database.ring()


def _get(connection: sqlite3.Connection, key: Key) -> Record | None:
    row = connection.execute(_ONE, (key.partition, key.sort)).fetchone()
    return None if row is None else Record(key, *row)


def _bounds(prefix: str, after: str | None, *, newest_first: bool) -> tuple[bytes, bytes]:
    """Return the range of sort keys, `low <= key < high`; no UTF-8 text holds the byte FF."""
    low, high = prefix.encode(), prefix.encode() + b"\xff"
    if after is None:
        return low, high
    return (low, min(high, after.encode())) if newest_first else (max(low, after.encode() + b"\0"), high)


def _apply(connection: sqlite3.Connection, write: Write) -> None:
    """Do one write in one statement; only where it does not hold is it asked why."""
    if not _done(connection, write):
        found = _version(connection, write.key)
        raise Stale(
            f"{write.key.partition}/{write.key.sort} is at version {found}, not {write.expected}: read it again"
        )


def _done(connection: sqlite3.Connection, write: Write) -> bool:
    """Return whether the record had the expected version; what is to be absent and deleted is so either way."""
    place = (write.key.partition, write.key.sort)
    if isinstance(write, Put):
        return _put(connection, write, place) == 1
    if isinstance(write, Delete) and write.expected != ABSENT:
        if write.expected is None:
            return connection.execute(_DELETE, place).rowcount >= 0
        return connection.execute(_DELETE_IF, (*place, write.expected)).rowcount == 1
    return _version(connection, write.key) == write.expected


def _put(connection: sqlite3.Connection, write: Put, place: tuple[str, str]) -> int:
    """Return how many records were written."""
    if write.expected is None:
        return connection.execute(_PUT, (*place, write.value)).rowcount
    if write.expected == ABSENT:
        return connection.execute(_ADD, (*place, write.value)).rowcount
    return connection.execute(_REPLACE, (write.value, *place, write.expected)).rowcount


def _version(connection: sqlite3.Connection, key: Key) -> int:
    row = connection.execute(_VERSION, (key.partition, key.sort)).fetchone()
    return ABSENT if row is None else int(row[0])
