"""One commit as one request: a put alone where that is enough, else a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.clients.dynamodb import layout, rows, writes
from shared.clients.dynamodb.calls import CheckFailed, Table
from shared.clients.dynamodb.layout import Item, binary
from shared.clients.dynamodb.writes import Moment
from shared.errors import Stale, TooLarge, Unavailable
from shared.model.messages import Message
from shared.model.records import Key, Put, Write

_MOST_BYTES: Final = 4 << 20
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Commit:
    """What is to be done at that moment, all or nothing."""

    table: Table
    writes: Sequence[Write]
    messages: Sequence[Message]
    moment: Moment

    def do(self) -> None:
        """Do it: `Stale` names the first key whose version was another."""
        for write in self.writes:
            if not layout.fits(write.key):
                raise TooLarge(
                    f"no record of DynamoDB can be called {write.key.sort[:60]!r}…: its name is too long or empty"
                )
        if len(self.writes) == 1 and not self.messages:
            [write] = self.writes
            if isinstance(write, Put) and write.expected is not None:
                self._put(write, write.expected)
                return
        if self.writes or self.messages:
            self._transact()

    def _put(self, write: Put, version: int) -> None:
        """Put one item, at half of a transaction's price; `writer` tells our own write when an answer was lost."""
        writer = binary(secrets.token_bytes(9))
        request = writes.put(write, self.moment, version)
        request["Item"]["writer"] = writer
        try:
            self.table.write("put_item", TableName=self.table.name, **request)
        except CheckFailed as failed:
            [found] = failed.found
            if found and found.get("writer") == writer:
                return
            if failed.unsure:
                raise Unavailable(
                    f"{write.key.partition}/{write.key.sort} may have been written, the answer was lost: read it again"
                ) from failed
            raise self._stale(write, found or {}) from failed

    def _transact(self) -> None:
        """Do it in a transaction, whose token makes a repetition by the SDK harmless for ten minutes.

        An aged record that a put on whatever is there would continue is only known by its failed condition.
        """
        leftovers: set[Key] = set()
        for _ in range(_ROUNDS):
            try:
                self._request(leftovers)
            except CheckFailed as failed:
                leftovers ^= self._leftovers(failed)
            else:
                return
        raise Unavailable("a record that aged is written by many at once: try again")

    def _request(self, leftovers: set[Key]) -> None:
        items = [writes.planned(one, self.moment, leftover=one.key in leftovers) for one in self.writes]
        sent = {message.id: message for message in self.messages}.values()
        items += [{"Update": rows.sending(message, self.moment.now)} for message in sent]
        _check_size(items)
        self.table.transact(items)

    def _leftovers(self, failed: CheckFailed) -> set[Key]:
        """Return the keys of puts on whatever is there that an aged record was in the way of; `Stale` for others."""
        keys = set()
        for write, found in zip(self.writes, failed.found, strict=False):
            if found is None:
                continue
            if write.expected is not None:
                raise self._stale(write, found) from failed
            keys.add(write.key)
        return keys

    def _stale(self, write: Write, found: Item) -> Stale:
        version = writes.version_of(found, self.moment.now)
        return Stale(
            f"{write.key.partition}/{write.key.sort} is at version {version}, not {write.expected}: read it again"
        )


def _check_size(items: Sequence[Item]) -> None:
    size = sum(_size(item) for item in items)
    if size > _MOST_BYTES:
        raise TooLarge(f"a commit of {size} bytes: DynamoDB takes {_MOST_BYTES} at once, make it smaller")


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(len(name) + _size(one) for name, one in value.items())
    return len(value.encode() if isinstance(value, str) else value)
