"""`ports.Wakeful` on SQLite: the rows that commits left, under leases."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.clients.attempts import abandoned, pause
from shared.clients.clock import utc_now
from shared.clients.limits import check_limit
from shared.clients.sqlite import rows
from shared.clients.sqlite.database import Database
from shared.errors import NotFound, NotYet
from shared.model.messages import Claimed, DeadLetter, Depth, Message
from shared.model.times import written
from shared.ports.ambient import Clock

_DEPTH = """SELECT coalesce(sum(receipt IS NULL AND visible_at <= ?1), 0),
                   coalesce(sum(receipt IS NULL AND visible_at > ?1), 0),
                   coalesce(sum(receipt IS NOT NULL), 0),
                   (SELECT count(*) FROM dead_letter)
            FROM message"""


@dataclass(frozen=True, slots=True)
class SqliteQueue:
    """Messages of one database file.

    A failed message comes back after a random part of `base * 2 ** (attempts - 1)` seconds, at most of `cap`
    ("full jitter": a crowd that failed together does not return together). After `attempts` it is dead: with these
    defaults after 7 minutes in the mean and 14 at most, so that a restart of the other party is outlived.
    """

    database: Database
    clock: Clock = utc_now
    attempts: int = 12
    base: float = 0.5
    cap: float = 300.0

    def receive(self, limit: int, lease: float, leave: Sequence[str] = ()) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds, but none of the functions in `leave`."""
        check_limit(limit)
        if self.due_in(leave) != 0.0:
            return []
        now = self.clock()
        with self.database.write(durable=False) as connection:
            found = self._fit(connection, now, leave, limit)
            claims = [Claimed(message, secrets.token_hex(16), attempts + 1) for message, attempts in found]
            for claimed in claims:
                rows.claim(connection, claimed, now.timestamp() + lease)
        return claims

    def claim(self, message_id: str, lease: float) -> Claimed | None:
        """Claim one message for `lease` seconds; None if it is done, dead or unknown.

        Raises `NotYet`, with the seconds left, while it is delayed or another holds it.
        """
        now = self.clock()
        with self.database.write(durable=False) as connection:
            found = rows.one(connection, message_id)
            if found is None:
                return None
            message, attempts, visible_at = found
            if visible_at > now.timestamp():
                raise NotYet(f"the message {message_id} is not to be delivered yet", visible_at - now.timestamp())
            if attempts >= self.attempts:
                self._give_up(connection, message, now)
                return None
            claimed = Claimed(message, secrets.token_hex(16), attempts + 1)
            rows.claim(connection, claimed, now.timestamp() + lease)
            return claimed

    def keep(self, claims: Sequence[Claimed], lease: float) -> None:
        """Hold messages for `lease` seconds from now on; what has passed to another meanwhile stays with that one."""
        with self.database.write(durable=False) as connection:
            rows.keep(connection, claims, self.clock().timestamp() + lease)

    def due_in(self, leave: Sequence[str] = ()) -> float | None:
        """Return in how many seconds a message can be claimed (0.0: now), None if none is waiting."""
        with self.database.read() as connection:
            at = rows.due(connection, leave)
        return None if at is None else max(0.0, at - self.clock().timestamp())

    def ack(self, claimed: Claimed) -> None:
        """Done: forget the message. Harmless if the lease has passed to another."""
        with self.database.write(durable=False) as connection:
            if rows.holds(connection, claimed):
                rows.forget(connection, claimed.message.id)

    def nack(self, claimed: Claimed, reason: str, delay: float | None = None, *, count: bool = True) -> None:
        """Failed: visible again after `delay` seconds (default: backoff with jitter); dead after the last attempt.

        `count=False` returns the message without using up an attempt. Harmless if the lease has passed to another.
        """
        with self.database.write(durable=False) as connection:
            if not rows.holds(connection, claimed):
                return
            if count and claimed.attempts >= self.attempts:
                rows.bury(connection, claimed.message.id, reason, written(self.clock()))
            else:
                rest = pause(claimed.attempts, self.base, self.cap) if delay is None else delay
                attempts = claimed.attempts if count else claimed.attempts - 1
                rows.give_back(connection, claimed.message.id, attempts, self.clock().timestamp() + rest)
        self.database.ring()

    def dead(self, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters by message id, from beyond `after`."""
        check_limit(limit)
        with self.database.read() as connection:
            return rows.dead(connection, after or "", limit)

    def redrive(self, message_id: str) -> None:
        """Send a dead letter again with fresh attempts: `NotFound` if there is none."""
        with self.database.write() as connection:
            if not rows.revive(connection, message_id, self.clock().timestamp()):
                raise NotFound(f"no dead letter {message_id!r}: it was sent again already, or never died")
        self.database.ring()

    def void_leases(self) -> None:
        """Make every claimed message visible at once: for the single process that just started."""
        with self.database.write() as connection:
            rows.void(connection, self.clock().timestamp())
        self.database.ring()

    def ring(self) -> None:
        """Wake whoever waits in this process."""
        self.database.ring()

    def wait(self, seconds: float, since: int | None = None) -> int:
        """Sleep until there may be a message to claim, at most `seconds`; return how often that was so."""
        return self.database.wait(seconds, since)

    def close(self) -> None:
        """Let go of the database, for this process: whoever still uses it is told `Unavailable`."""
        self.database.close()

    def depth(self) -> Depth:
        """Count the messages by where they stand."""
        with self.database.read() as connection:
            return Depth(*connection.execute(_DEPTH, (self.clock().timestamp(),)).fetchone())

    def oldest_age(self) -> float:
        """Return how many seconds ago the oldest message that is not done was sent; 0.0 if there is none."""
        with self.database.read() as connection:
            sent = connection.execute("SELECT min(sent_at) FROM message").fetchone()[0]
        return 0.0 if sent is None else max(0.0, self.clock().timestamp() - sent)

    def _fit(
        self, connection: sqlite3.Connection, now: datetime, leave: Sequence[str], limit: int
    ) -> list[tuple[Message, int]]:
        """Return visible messages with their attempts; those whose last attempt nobody answered are given up."""
        found = rows.visible(connection, now.timestamp(), leave, limit)
        while worn_out := [message for message, attempts in found if attempts >= self.attempts]:
            for message in worn_out:
                self._give_up(connection, message, now)
            found = rows.visible(connection, now.timestamp(), leave, limit)
        return found

    def _give_up(self, connection: sqlite3.Connection, message: Message, now: datetime) -> None:
        rows.bury(connection, message.id, abandoned(self.attempts), written(now))
