"""`ports.Store` on PostgreSQL: records in one table, the messages they cause in the next, both in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.clients.limits import check_commit, check_limit
from shared.clients.postgresql import records
from shared.clients.postgresql.bell import NOTIFY
from shared.clients.postgresql.database import Database
from shared.clients.postgresql.forwarding import Forward
from shared.clients.postgresql.messages import is_soon, overdue, send
from shared.clients.postgresql.records import Doing
from shared.clients.postgresql.statements import Result, Statement
from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put, Record, Write
from shared.ports.ambient import Clock
from shared.ports.state import Batch


@dataclass(frozen=True, slots=True)
class PostgresqlStore:
    """Records in one database; `clock` dates the messages that commits send.

    `retention` is how many seconds a record stays that ages; such records stay for ever without it. `forward` wakes
    those whom messages are for, where no process of ours waits for them.
    """

    database: Database
    clock: Clock
    retention: float | None = None
    forward: Forward | None = None

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        [found] = self.database.ask(records.one(key, self._now()))
        return Record(key, *found.rows[0]) if found.rows else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist, all as they were at one moment."""
        if not keys:
            return {}
        [found] = self.database.ask(records.some(keys, self._now()))
        made = [Record(Key(partition, sort), value, version) for partition, sort, value, version in found.rows]
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
        asked = records.page(partition, prefix, after, limit, self._now(), newest_first=newest_first)
        [found] = self.database.ask(asked)
        return records.read(partition, found)

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        """List several partitions, as they are at one moment."""
        check_limit(limit)
        found: dict[str, list[Record]] = {partition: [] for partition in partitions}
        if partitions:
            [result] = self.database.ask(records.pages(list(found), limit, self._now()))
            for partition, sort, value, version in result.rows:
                found[partition].append(Record(Key(partition, sort), value, version))
        return found

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        Raises `ValueError` for more than 100 of both or a key named twice, `Unavailable` if the server does not answer
        or takes no writes; where the connection was lost in the middle, the commit may have been done all the same.
        """
        check_commit(writes, messages)
        now = self._now()
        doings = [self._doing(write, now) for write in sorted(writes, key=lambda write: write.key)]
        try:
            self._do([*(one for doing in doings for one in doing.statements), *_sending(messages, now)], doings)
        except _Broken as broken:
            raise self._stale(broken.write) from None
        if messages:
            self.database.bell.ring()
            self._forward((one.function, one.id) for one in messages if is_soon(one))

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Do commits one after the other, up to the first that is `Stale`."""
        for batch in batches:
            self.commit(*batch)

    def tidy(self, limit: int = 1000) -> int:
        """Remove up to `limit` records that aged, and forward as many messages that nobody came for; return the sum."""
        [removed] = self.database.ask(records.tidy(self._now(), limit), durable=False)
        if self.forward is None:
            return removed.touched
        [due] = self.database.ask(overdue(self._now(), limit), durable=False)
        self._forward((function, message_id) for function, message_id in due.rows)
        return removed.touched + due.touched

    def _forward(self, alarms: Iterable[tuple[str, str]]) -> None:
        if self.forward is not None:
            self.forward(alarms)

    def _doing(self, write: Write, now: float) -> Doing:
        ages = isinstance(write, Put) and write.ages and self.retention is not None
        return records.doing(write, now, now + self.retention if ages and self.retention else None)

    def _do(self, statements: Sequence[Statement], doings: Sequence[Doing]) -> None:
        """Do it all; a statement that stands alone takes effect exactly if its expectation holds."""
        if len(statements) == 1:
            _check(doings, self.database.ask(*statements, again=False))
        elif statements:
            self.database.commit(statements, lambda results: _check(doings, results))

    def _stale(self, write: Write) -> Stale:
        """Return the error for a write whose expectation did not hold, with the version that the record has now."""
        [found] = self.database.ask(records.version(write.key, self._now()))
        version = found.rows[0][0] if found.rows else ABSENT
        name = f"{write.key.partition}/{write.key.sort}"
        if version == write.expected:
            return Stale(f"{name} was at another version than {version} a moment ago: read it again")
        return Stale(f"{name} is at version {version}, not {write.expected}: read it again")

    def _now(self) -> float:
        return self.clock().timestamp()


class _Broken(Exception):
    """The expectation of a write did not hold."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self.write = write


def _check(doings: Sequence[Doing], results: Sequence[Result]) -> None:
    """Raise unless each write's first statement touched one record."""
    rest = iter(results)
    for doing in doings:
        first, *_ = islice(rest, len(doing.statements))
        if first.touched != 1:
            raise _Broken(doing.write)


def _sending(messages: Sequence[Message], now: float) -> list[Statement]:
    return [*send(messages, now), NOTIFY] if messages else []
