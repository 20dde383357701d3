"""`ports.Store` on SQLite: records in one table, the messages they cause in the next, both in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.clients.clock import utc_now
from shared.clients.limits import check_commit, check_limit
from shared.clients.sqlite.database import Database
from shared.clients.sqlite.statements import STAYS, Statement, in_parts, listing, looking_up
from shared.clients.sqlite.together import Job
from shared.model.messages import Message
from shared.model.records import Key, Record, Write
from shared.ports.ambient import Clock
from shared.ports.state import Batch

_AT_ONCE: Final = 10
"""Commits that share a transaction: others wait for its end before they write, some ten milliseconds."""

_ONE = f"SELECT value, version FROM record WHERE partition = ? AND sort = ? AND {STAYS}"  # noqa: S608 - constants only
_PAGE = f"""SELECT sort, value, version FROM record
            WHERE partition = ? AND sort >= CAST(? AS TEXT) AND sort < CAST(? AS TEXT) AND {STAYS}
            ORDER BY sort {{}} LIMIT ?"""  # noqa: S608 - likewise
_OLDEST_FIRST, _NEWEST_FIRST = _PAGE.format("ASC"), _PAGE.format("DESC")
_TIDY = """DELETE FROM record WHERE id IN
           (SELECT id FROM record WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"""


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
        rows = self._rows(looking_up(keys, "value, version", self.clock().timestamp()))
        made = (Record(Key(partition, sort), value, version) for partition, sort, value, version in rows)
        return {record.key: record for record in made}

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

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        """List several partitions, as they are at one moment."""
        check_limit(limit)
        found: dict[str, list[Record]] = {partition: [] for partition in partitions}
        for partition, sort, value, version in self._rows(listing(list(found), limit, self.clock().timestamp())):
            found[partition].append(Record(Key(partition, sort), value, version))
        return found

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
        for few in in_parts(batches, _AT_ONCE):
            job = Job(few, self.clock().timestamp(), self.retention)
            self.database.write_together(job)
            stale = job.outcome()
            if any(messages for _, messages in few):
                self.database.ring()
            if stale:
                raise stale

    def _rows(self, asked: Sequence[Statement]) -> list[tuple[Any, ...]]:
        """Return what statements read, all at one moment."""
        if len(asked) == 1:
            return self.database.rows(*asked[0])
        with self.database.read() as connection:
            return [row for statement, values in asked for row in connection.execute(statement, values)]

    def tidy(self, limit: int = 1000) -> int:
        """Remove up to `limit` records that aged; return how many those were."""
        with self.database.write(durable=False) as connection:
            return connection.execute(_TIDY, (self.clock().timestamp(), limit)).rowcount


def _bounds(prefix: str, after: str | None, *, newest_first: bool) -> tuple[bytes, bytes]:
    """Return the range of sort keys, `low <= key < high`; no UTF-8 text holds the byte FF."""
    low, high = prefix.encode(), prefix.encode() + b"\xff"
    if after is None:
        return low, high
    return (low, min(high, after.encode())) if newest_first else (max(low, after.encode() + b"\0"), high)
