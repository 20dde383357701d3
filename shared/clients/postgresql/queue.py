"""`ports.Wakeful` on PostgreSQL: the rows that commits left, under leases."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from shared.clients.attempts import abandoned, pause
from shared.clients.limits import check_limit
from shared.clients.postgresql import messages
from shared.clients.postgresql.bell import NOTIFY
from shared.clients.postgresql.database import Database
from shared.clients.postgresql.forwarding import Forward
from shared.clients.postgresql.messages import Terms
from shared.clients.postgresql.statements import Result
from shared.errors import NotFound, NotYet
from shared.model.messages import Claimed, DeadLetter, Depth
from shared.model.times import written
from shared.ports.ambient import Clock


@dataclass(frozen=True, slots=True)
class PostgresqlQueue:
    """Messages of one database, which any number of processes share out among themselves (`SKIP LOCKED`).

    A failed message comes back after a random part of `base * 2 ** (attempts - 1)` seconds, at most of `cap`. After
    `attempts` it is dead: with these defaults after 7 minutes in the mean and 14 at most, so that a restart of the
    other party is outlived.
    """

    database: Database
    clock: Clock
    attempts: int = 12
    base: float = 0.5
    cap: float = 300.0
    forward: Forward | None = None

    def receive(self, limit: int, lease: float, leave: Sequence[str] = ()) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds, but none of the functions in `leave`.

        Those whose last attempt nobody answered are given up on the way, and others claimed in their stead.
        """
        check_limit(limit)
        claims: list[Claimed] = []
        while len(claims) < limit:
            terms = self._terms(lease)
            [found] = self.database.ask(messages.receive(leave, limit - len(claims), terms), durable=False)
            claims += [Claimed(messages.read(row), terms.receipt, row[4]) for row in found.rows if not row[5]]
            if not any(row[5] for row in found.rows):
                break
        return claims

    def claim(self, message_id: str, lease: float) -> Claimed | None:
        """Claim one message for `lease` seconds; None if it is done, dead or unknown.

        Raises `NotYet`, with the seconds left, while it is delayed or another holds it.
        """
        terms = self._terms(lease)
        taken, _, left = self.database.ask(*messages.claim(message_id, terms), durable=False)
        for row in taken.rows:
            return Claimed(messages.read(row), terms.receipt, row[4])
        for (visible_at,) in left.rows:
            raise NotYet(f"the message {message_id} is not to be delivered yet", max(0.0, visible_at - terms.now))
        return None

    def keep(self, claims: Sequence[Claimed], lease: float) -> None:
        """Hold messages for `lease` seconds from now on; what has passed to another meanwhile stays with that one."""
        self.database.ask(*messages.keep(claims, self._now() + lease), durable=False)

    def due_in(self, leave: Sequence[str] = ()) -> float | None:
        """Return in how many seconds a message can be claimed (0.0: now), None if none is waiting."""
        [found] = self.database.ask(messages.due(leave))
        return max(0.0, found.rows[0][0] - self._now()) if found.rows else None

    def ack(self, claimed: Claimed) -> None:
        """Done: forget the message. Harmless if the lease has passed to another."""
        self.database.ask(messages.forget(claimed), durable=False)

    def nack(self, claimed: Claimed, reason: str, delay: float | None = None, *, count: bool = True) -> None:
        """Failed: visible again after `delay` seconds (default: backoff with jitter); dead after the last attempt.

        `count=False` returns the message without using up an attempt. Harmless if the lease has passed to another.
        """
        if count and claimed.attempts >= self.attempts:
            move = messages.give_up(claimed, reason, written(self.clock()))
        else:
            rest = pause(claimed.attempts, self.base, self.cap) if delay is None else delay
            attempts = claimed.attempts if count else claimed.attempts - 1
            move = messages.give_back(claimed, attempts, self._now() + rest)
        self.database.ask(move, NOTIFY, durable=False)
        self.database.bell.ring()

    def dead(self, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters by message id, from beyond `after`."""
        check_limit(limit)
        [found] = self.database.ask(messages.dead(after or "", limit))
        return [messages.read_letter(row) for row in found.rows]

    def redrive(self, message_id: str) -> None:
        """Send a dead letter again with fresh attempts: `NotFound` if there is none."""
        functions: list[str] = []

        def check(results: list[Result]) -> None:
            functions[:] = [function for (function,) in results[1].rows]
            if not functions:
                raise NotFound(f"no dead letter {message_id!r}: it was sent again already, or never died")

        self.database.commit([*messages.revive(message_id, self._now()), NOTIFY], check)
        self.database.bell.ring()
        if self.forward is not None:
            self.forward([(functions[0], message_id)])

    def void_leases(self) -> None:
        """Make every claimed message visible at once: only where no other process works on this database."""
        self.database.ask(messages.void(self._now()), NOTIFY)
        self.database.bell.ring()

    def ring(self) -> None:
        """Wake whoever waits in this process."""
        self.database.bell.ring()

    def wait(self, seconds: float, since: int | None = None) -> int:
        """Sleep until there may be a message to claim, at most `seconds`; return how often that was so."""
        return self.database.bell.wait(seconds, since)

    def close(self) -> None:
        """Let go of the database, for this process: whoever still uses it is told `Unavailable`."""
        self.database.close()

    def depth(self) -> Depth:
        """Count the messages by where they stand."""
        [found] = self.database.ask(messages.depth(self._now()))
        return Depth(*found.rows[0])

    def oldest_age(self) -> float:
        """Return how many seconds ago the oldest message that is not done was sent; 0.0 if there is none."""
        [found] = self.database.ask(messages.oldest())
        sent = found.rows[0][0]
        return 0.0 if sent is None else max(0.0, self._now() - sent)

    def _now(self) -> float:
        return self.clock().timestamp()

    def _terms(self, lease: float) -> Terms:
        at = self.clock()
        now = at.timestamp()
        said = abandoned(self.attempts), written(at)
        return Terms(now, now + lease, secrets.token_hex(16), self.attempts, *said)
