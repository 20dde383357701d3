"""`ports.Store` on DynamoDB: records and the messages they cause as items of one table, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

from shared.clients.dynamodb import layout, writes
from shared.clients.dynamodb.alarms import Alarm, Alarms
from shared.clients.dynamodb.calls import Table, pauses
from shared.clients.dynamodb.commits import Commit
from shared.clients.dynamodb.layout import SORT_KEY, Item, number, text
from shared.clients.dynamodb.silence import rung, silent
from shared.clients.dynamodb.spans import Span, span
from shared.clients.dynamodb.writes import Moment
from shared.clients.limits import check_commit, check_limit
from shared.errors import Unavailable
from shared.model.messages import Message
from shared.model.records import Key, Record, Write
from shared.ports.ambient import Clock
from shared.ports.state import Batch

_BATCH: Final = 100
_PAGE: Final = 1000
_SIDE_BY_SIDE: Final = 8
"""Partitions that are listed at a time; boto3 keeps ten connections."""


@dataclass(frozen=True, slots=True)
class DynamoStore:
    """Records in one table; `clock` dates the messages that commits send.

    `retention` is how many seconds a record stays that ages; such records stay for ever without it. Every read is
    strongly consistent, and none is a scan.
    """

    table: Table
    alarms: Alarms
    clock: Clock
    retention: float | None = None

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        if not layout.fits(key):
            return None
        here = layout.record(key)
        item = self.table.read("get_item", TableName=self.table.name, Key=here, ConsistentRead=True).get("Item", {})
        return writes.read(key, item) if writes.stays(item, self.clock().timestamp()) else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist, each as it was at some moment of the call."""
        now = self.clock().timestamp()
        wanted = {(layout.records(key.partition), key.sort): key for key in keys if layout.fits(key)}
        places = iter([layout.place(*place) for place in wanted])
        found = {}
        while batch := list(islice(places, _BATCH)):
            for item in self._batch(batch):
                if writes.stays(item, now):
                    key = wanted[item[layout.PARTITION_KEY]["S"], item[SORT_KEY]["S"]]
                    found[key] = writes.read(key, item)
        return found

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
        keys = span(prefix, after, newest_first=newest_first)
        items = self._items(partition, keys, limit, newest_first=newest_first)
        listed = (item for item in items if item[SORT_KEY]["S"] not in keys.without)
        return [writes.read(Key(partition, item[SORT_KEY]["S"]), item) for item in islice(listed, limit)]

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        """List several partitions, a few at a time: DynamoDB has no request for more than one."""
        check_limit(limit)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            return dict(zip(partitions, pool.map(partial(self.query, limit=limit), partitions), strict=True))

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        Raises `ValueError` for more than 100 of both or a key named twice, `TooLarge` for a record over 400 KB or a
        commit over 4 MB, `Unavailable` if DynamoDB is away: then the commit may have been done all the same.
        """
        check_commit(writes, messages)
        now = self.clock().timestamp()
        Commit(self.table, writes, messages, Moment(now, self._expiry(now))).do()
        self.alarms.set(Alarm(message.function, message.id, message.delay) for message in messages)

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Do commits one after the other, up to the first that is `Stale`."""
        for batch in batches:
            self.commit(*batch)

    def tidy(self, limit: int = 1000) -> int:
        """Set the alarms again of up to `limit` messages that have been due for long; return how many those were.

        Aged records are removed by DynamoDB itself.
        """
        now = self.clock().timestamp()
        taken = self.alarms.set(islice(silent(self.table, now), limit))
        for alarm in taken:
            rung(self.table, alarm.message_id, now)
        return len(taken)

    def _expiry(self, now: float) -> float | None:
        return None if self.retention is None else now + self.retention

    def _batch(self, places: Sequence[Item]) -> Iterator[Item]:
        """Read up to 100 items; what an answer leaves out is asked for again."""
        wanted: dict[str, Any] = {self.table.name: {"Keys": places, "ConsistentRead": True}}
        for pause in pauses():
            answer = self.table.read("batch_get_item", RequestItems=wanted)
            yield from answer["Responses"].get(self.table.name, [])
            wanted = answer.get("UnprocessedKeys", {})
            if not wanted:
                return
            time.sleep(pause)
        raise Unavailable(f"the table {self.table.name} is too busy: some records were left out again and again")

    def _items(self, partition: str, keys: Span, limit: int, *, newest_first: bool) -> Iterator[Item]:
        """Read on while more is asked for, page by page: an answer ends at 1 MB."""
        if keys.empty:
            return
        values = {":partition": text(layout.records(partition)), ":now": number(self.clock().timestamp())}
        yield from self.table.pages(
            KeyConditionExpression=f"{layout.PARTITION_KEY} = :partition{keys.condition}",
            FilterExpression=writes.STAYS,
            ExpressionAttributeValues=values | keys.values,
            ScanIndexForward=not newest_first,
            Limit=min(limit + len(keys.without), _PAGE),
        )
