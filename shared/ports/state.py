"""Where state and messages are kept, as Protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.model.messages import Claimed, DeadLetter, Depth, Message
from shared.model.records import Key, Record, Write

Batch = tuple[Sequence[Write], Sequence[Message]]
"""What one commit does."""


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

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        """List several partitions, each by sort key and up to `limit` records; every one is in the answer."""
        ...

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        At most 100 writes and messages together, no key twice.
        """
        ...

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Do commits one after the other, each whole or not at all, up to the first that is `Stale`.

        Those before it stay done. Where waiting for the disk is what a commit costs, many share one wait.
        """
        ...

    def tidy(self, limit: int = 1000) -> int:
        """Do what time has made due: remove records that aged, and forward again what was cut off from the queue.

        Returns how many records and messages that were, at most `limit` of each; a store that sees to it by itself
        returns 0.
        """
        ...


class Queue(Protocol):
    """Messages under leases: at least once, with attempts, backoff and dead letters."""

    def receive(self, limit: int, lease: float, leave: Sequence[str] = ()) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds, but none of the functions in `leave`."""
        ...

    def claim(self, message_id: str, lease: float) -> Claimed | None:
        """Claim one message for `lease` seconds, for whoever was told of it; None if it is done, dead or unknown.

        Raises `NotYet`, with the seconds left, while it is delayed or another holds it.
        """
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

    def depth(self) -> Depth:
        """Count the messages by where they stand."""
        ...

    def oldest_age(self) -> float:
        """Return how many seconds ago the oldest message that is not done was sent; 0.0 if there is none."""
        ...


class Wakeful(Queue, Protocol):
    """A queue that tells a process of its own when there is something to claim."""

    def keep(self, claims: Sequence[Claimed], lease: float) -> None:
        """Hold messages for `lease` seconds from now on; what has passed to another meanwhile stays with that one."""
        ...

    def due_in(self, leave: Sequence[str] = ()) -> float | None:
        """Return in how many seconds a message can be claimed (0.0: now), None if none is waiting."""
        ...

    def ring(self) -> None:
        """Wake whoever waits in this process."""
        ...

    def wait(self, seconds: float, since: int | None = None) -> int:
        """Sleep until there may be a message to claim, at most `seconds`; return how often that was so.

        Give that answer as `since` the next time, and no ring in between is missed.
        """
        ...

    def close(self) -> None:
        """Let go of the data, for this process: whoever still uses it is told `Unavailable`."""
        ...
