"""`ports.Store` on SQLite: records in one table, the messages they cause in the next, both in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from shared.clients.limits import check_commit, check_limit
from shared.clients.sqlite.database import Clock, Database, utc_now
from shared.clients.sqlite.rows import send
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Delete, Key, Put, Record, Write
from shared.ports.state import Batch

_AT_ONCE: Final = 10
"""Commits that share a transaction: others wait for its end before they write, some ten milliseconds."""
_LOOKED_UP: Final = 16
"""Records that one statement looks up."""

_HERE = "partition = ? AND sort = ?"
_STAYS = "(expires_at IS NULL OR expires_at > ?)"
_COLUMNS = f"value, version FROM record WHERE {_HERE} AND {_STAYS}"
_ONE = f"SELECT {_COLUMNS}"
_VERSION = f"SELECT version FROM record WHERE {_HERE}"  # noqa: S608 - constants only, as below
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
        rows = self.database.rows(_ONE, (key.partition, key.sort, self.clock().timestamp()))
        return Record(key, *rows[0]) if rows else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist, all as they were at one moment."""
        now, starts = self.clock().timestamp(), range(0, len(keys), _LOOKED_UP)
        asked = [_looking_up(keys[start : start + _LOOKED_UP], start, now) for start in starts]
        rows = self.database.rows(*asked[0]) if len(asked) == 1 else self._rows(asked)
        return {keys[place]: Record(keys[place], value, version) for place, value, version in rows}

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
        rows = self.database.rows(page, (partition, low, high, self.clock().timestamp(), limit))
        return [Record(Key(partition, sort), value, version) for sort, value, version in rows]

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        Raises `ValueError` for more than 100 of both or a key named twice, `Unavailable` if the file cannot be written.
        """
        self.commit_each([(writes, messages)])

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Do commits one after the other, up to the first that is `Stale`; a few share a transaction, and its wait.

        Raises as `commit` does; a file that cannot be written, or the end of the process, undoes the few.
        """
        for batch in batches:
            check_commit(*batch)
        for start in range(0, len(batches), _AT_ONCE):
            few = batches[start : start + _AT_ONCE]
            stale = self.database.write_together(partial(self._together, few, self.clock().timestamp()))
            if any(messages for _, messages in few):
                self.database.ring()
            if stale:
                raise stale

    def _together(self, batches: Sequence[Batch], now: float, connection: sqlite3.Connection) -> Stale | None:
        """Do commits in one transaction; return what ended them early, or raise it if nothing is left to be written."""
        aged = connection.execute(_AGED, (now,)).fetchone() is not None
        first, *others = batches
        self._do(connection, first, now, aged=aged)
        for batch in others:
            connection.execute("SAVEPOINT batch")
            try:
                self._do(connection, batch, now, aged=aged)
            except Stale as stale:
                connection.execute("ROLLBACK TO batch")
                return stale
        return None

    def _do(self, connection: sqlite3.Connection, batch: Batch, now: float, *, aged: bool) -> None:
        writes, messages = batch
        if aged:
            connection.executemany(_FORGET, [(write.key.partition, write.key.sort, now) for write in writes])
        for write in writes:
            _apply(connection, write, self._expiry(write, now))
        send(connection, messages, now)

    def _rows(self, asked: Sequence[tuple[str, tuple[object, ...]]]) -> list[tuple[Any, ...]]:
        """Return what several statements read, all at one moment."""
        with self.database.read() as connection:
            return [row for statement, values in asked for row in connection.execute(statement, values)]

    def tidy(self, limit: int = 1000) -> int:
        """Remove up to `limit` records that aged; return how many those were."""
        with self.database.write(durable=False) as connection:
            return connection.execute(_TIDY, (self.clock().timestamp(), limit)).rowcount

    def _expiry(self, write: Write, now: float) -> float | None:
        ages = isinstance(write, Put) and write.ages
        return now + self.retention if ages and self.retention is not None else None


def _looking_up(keys: Sequence[Key], first: int, now: float) -> tuple[str, tuple[object, ...]]:
    """Return what reads several records, each with its place; a list of keys would have SQLite scan the whole table."""
    statement = " UNION ALL ".join([f"SELECT ?, {_COLUMNS}"] * len(keys))
    values = (value for place, key in enumerate(keys, first) for value in (place, key.partition, key.sort, now))
    return statement, tuple(values)


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
