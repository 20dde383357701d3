"""`ports.Store` on SQLite: records in one table, the messages they cause in the next, both in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from shared.clients.limits import check_commit, check_limit
from shared.clients.sqlite.database import Clock, Database, utc_now
from shared.clients.sqlite.rows import send
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Delete, Key, Put, Record, Write

_HERE = "partition = ? AND sort = ?"
_STAYS = "(expires_at IS NULL OR expires_at > ?)"
_COLUMNS = f"value, version FROM record WHERE {_HERE} AND {_STAYS}"
_ONE = f"SELECT {_COLUMNS}"
_AT_ONCE = 16
"""Records that one statement looks up."""
_VERSION = f"SELECT version FROM record WHERE {_HERE}"  # noqa: S608
_PAGE = f"""SELECT sort, value, version FROM record
            WHERE partition = ? AND sort >= CAST(? AS TEXT) AND sort < CAST(? AS TEXT) AND {_STAYS}
            ORDER BY sort {{}} LIMIT ?"""  # noqa: S608
_OLDEST_FIRST, _NEWEST_FIRST = _PAGE.format("ASC"), _PAGE.format("DESC")
_ADD = """INSERT INTO record (partition, sort, value, version, expires_at) VALUES (?, ?, ?, 1, ?)
          ON CONFLICT DO NOTHING"""
_PUT = """INSERT INTO record (partition, sort, value, version, expires_at) VALUES (?, ?, ?, 1, ?)
          ON CONFLICT DO UPDATE SET value = excluded.value, version = record.version + 1,
                                    expires_at = excluded.expires_at"""
_REPLACE = f"UPDATE record SET value = ?, version = version + 1, expires_at = ? WHERE {_HERE} AND version = ?"  # noqa: S608
_DELETE = f"DELETE FROM record WHERE {_HERE}"  # noqa: S608
_DELETE_IF = f"{_DELETE} AND version = ?"
_AGED = "SELECT 1 FROM record WHERE expires_at <= ? LIMIT 1"
_FORGET = f"{_DELETE} AND expires_at <= ?"
_TIDY = """DELETE FROM record WHERE (partition, sort) IN
           (SELECT partition, sort FROM record WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"""


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Records in one database file; `clock` dates the messages that commits send.

    `retention` is how many seconds a record stays that ages; such records stay for ever without it.
    """

    database: Database
    clock: Clock = utc_now
    retention: float | None = None

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        with self.database.read(statements=1) as connection:
            return _get(connection, key, self.clock().timestamp())

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist, all as they were at one moment."""
        now = self.clock().timestamp()
        parts = [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]
        with self.database.read(statements=len(parts)) as connection:
            found = [record for part in parts for record in _some(connection, part, now)]
        return {record.key: record for record in found}

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
            rows = connection.execute(page, (partition, low, high, self.clock().timestamp(), limit)).fetchall()
        return [Record(Key(partition, sort), value, version) for sort, value, version in rows]

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        Raises `ValueError` for more than 100 of both or a key named twice, `Unavailable` if the file cannot be written.
        """
        check_commit(writes, messages)
        self.database.write_together(partial(self._write, writes, messages, self.clock().timestamp()))
        if messages:
            self.database.ring()

    def _write(
        self, writes: Sequence[Write], messages: Sequence[Message], now: float, connection: sqlite3.Connection
    ) -> None:
        if connection.execute(_AGED, (now,)).fetchone():
            connection.executemany(_FORGET, [(write.key.partition, write.key.sort, now) for write in writes])
        for write in writes:
            _apply(connection, write, self._expiry(write, now))
        send(connection, messages, now)

    def tidy(self, limit: int = 1000) -> int:
        """Remove up to `limit` records that aged; return how many those were."""
        with self.database.write(durable=False) as connection:
            return connection.execute(_TIDY, (self.clock().timestamp(), limit)).rowcount

    def _expiry(self, write: Write, now: float) -> float | None:
        ages = isinstance(write, Put) and write.ages
        return now + self.retention if ages and self.retention is not None else None


def _get(connection: sqlite3.Connection, key: Key, now: float) -> Record | None:
    row = connection.execute(_ONE, (key.partition, key.sort, now)).fetchone()
    return None if row is None else Record(key, *row)


def _some(connection: sqlite3.Connection, keys: Sequence[Key], now: float) -> list[Record]:
    """Return those that exist in one statement; a list of keys to look up would have SQLite scan the whole table."""
    statement = " UNION ALL ".join([f"SELECT ?, {_COLUMNS}"] * len(keys))
    places = [value for place, key in enumerate(keys) for value in (place, key.partition, key.sort, now)]
    return [Record(keys[place], value, version) for place, value, version in connection.execute(statement, places)]


def _bounds(prefix: str, after: str | None, *, newest_first: bool) -> tuple[bytes, bytes]:
    """Return the range of sort keys, `low <= key < high`; no UTF-8 text holds the byte FF."""
    low, high = prefix.encode(), prefix.encode() + b"\xff"
    if after is None:
        return low, high
    return (low, min(high, after.encode())) if newest_first else (max(low, after.encode() + b"\0"), high)


def _apply(connection: sqlite3.Connection, write: Write, expiry: float | None) -> None:
    """Do one write in one statement; only where it does not hold is it asked why."""
    if not _done(connection, write, expiry):
        found = _version(connection, write.key)
        raise Stale(
            f"{write.key.partition}/{write.key.sort} is at version {found}, not {write.expected}: read it again"
        )


def _done(connection: sqlite3.Connection, write: Write, expiry: float | None) -> bool:
    """Return whether the record had the expected version; what is to be absent and deleted is so either way."""
    place = (write.key.partition, write.key.sort)
    if isinstance(write, Put):
        return _put(connection, write, place, expiry) == 1
    if isinstance(write, Delete) and write.expected != ABSENT:
        if write.expected is None:
            return connection.execute(_DELETE, place).rowcount >= 0
        return connection.execute(_DELETE_IF, (*place, write.expected)).rowcount == 1
    return _version(connection, write.key) == write.expected


def _put(connection: sqlite3.Connection, write: Put, place: tuple[str, str], expiry: float | None) -> int:
    """Return how many records were written."""
    if write.expected is None:
        return connection.execute(_PUT, (*place, write.value, expiry)).rowcount
    if write.expected == ABSENT:
        return connection.execute(_ADD, (*place, write.value, expiry)).rowcount
    return connection.execute(_REPLACE, (write.value, expiry, *place, write.expected)).rowcount


def _version(connection: sqlite3.Connection, key: Key) -> int:
    row = connection.execute(_VERSION, (key.partition, key.sort)).fetchone()
    return ABSENT if row is None else int(row[0])
