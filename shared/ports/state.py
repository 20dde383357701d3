"""Where state and messages are kept, as Protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.model.messages import Claimed, DeadLetter, Message
from shared.model.records import Key, Record, Write


class Store(Protocol):
    """Records in partitions, read consistently, written conditionally, together with the messages they cause."""

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist."""
        ...

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
        ...

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        At most 100 writes, no key twice.
        """
        ...


class Queue(Protocol):
    """Messages under leases: at least once, with attempts, backoff and dead letters."""

    def receive(self, limit: int, lease: float) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds."""
        ...

    def ack(self, claimed: Claimed) -> None:
        """Done: forget the message. Harmless if the lease has passed to another."""
        ...

    def nack(self, claimed: Claimed, reason: str, delay: float | None = None, *, count: bool = True) -> None:
        """Failed: visible again after `delay` seconds (default: backoff with jitter); dead after the last attempt.

        `count=False` returns the message without using up an attempt (it was only too early).
        """
        ...

    def dead(self, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters by message id, from beyond `after`."""
        ...

    def redrive(self, message_id: str) -> None:
        """Send a dead letter again with fresh attempts: `NotFound` if there is none."""
        ...

    def void_leases(self) -> None:
        """Make every claimed message visible at once: for the single process that just started."""
        ...
