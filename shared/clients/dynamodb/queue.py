"""`ports.Queue` on DynamoDB: the messages that commits left, under leases; SQS only tells when to look.

No order is promised or needed, so the SQS queues are no FIFO ones: a message names records, and whoever takes it reads
them as they are by then. What must not overlap takes a lease in the store, and what must not go back is conditional on
a version.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.clients.attempts import abandoned, pause
from shared.clients.dynamodb import layout, rows, walks
from shared.clients.dynamodb.alarms import Alarm, Alarms
from shared.clients.dynamodb.calls import CheckFailed, Table
from shared.clients.dynamodb.layout import DEAD, MESSAGE, Item, number, text
from shared.clients.limits import check_limit
from shared.errors import NotFound, NotYet
from shared.model.messages import Claimed, DeadLetter, Depth
from shared.model.times import written
from shared.ports.ambient import Clock

_HELD: Final = "receipt = :receipt"
_CLAIMABLE: Final = "visible_at <= :now AND attempts < :most"
_WORN_OUT: Final = "visible_at <= :now AND attempts >= :most"


@dataclass(frozen=True, slots=True)
class DynamoQueue:
    """Messages of one table.

    A failed message comes back after a random part of `base * 2 ** (attempts - 1)` seconds, at most of `cap`. After
    `attempts` it is dead: with these defaults after 7 minutes in the mean and 14 at most, so that a restart of the
    other party is outlived.
    """

    table: Table
    alarms: Alarms
    clock: Clock
    attempts: int = 12
    base: float = 0.5
    cap: float = 300.0

    def receive(self, limit: int, lease: float, leave: Sequence[str] = ()) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds, but none of the functions in `leave`."""
        check_limit(limit)
        now, claims, complete = self._now(), list[Claimed](), False
        while len(claims) < limit and not complete:
            due, complete = walks.due(self.table, now, leave, limit)
            for item in self._fit(due, now):
                claims += self._claimed(item, now, lease) if len(claims) < limit else []
        return claims

    def claim(self, message_id: str, lease: float) -> Claimed | None:
        """Claim one message for `lease` seconds; None if it is done, dead or unknown.

        Raises `NotYet`, with the seconds left, while it is delayed or another holds it.
        """
        now = self._now()
        claimed, found = self._try(message_id, now, lease)
        if claimed is not None or not found:
            return claimed
        if rows.visible_at(found) > now:
            raise NotYet(f"the message {message_id} is not to be delivered yet", rows.visible_at(found) - now)
        self._give_up(found, now)
        return None

    def ack(self, claimed: Claimed) -> None:
        """Done: forget the message. Harmless if the lease has passed to another."""
        self._if_held(claimed, "delete_item")

    def nack(self, claimed: Claimed, reason: str, delay: float | None = None, *, count: bool = True) -> None:
        """Failed: visible again after `delay` seconds (default: backoff with jitter); dead after the last attempt.

        `count=False` returns the message without using up an attempt. Harmless if the lease has passed to another.
        """
        if count and claimed.attempts >= self.attempts:
            letter = DeadLetter(claimed.message, claimed.attempts, reason, written(self.clock()))
            self._bury(letter, _HELD, {":receipt": text(claimed.receipt)})
            return
        rest = pause(claimed.attempts, self.base, self.cap) if delay is None else delay
        attempts = claimed.attempts if count else claimed.attempts - 1
        values = {":visible": number(self._now() + rest), ":attempts": number(attempts)}
        change = "SET visible_at = :visible, attempts = :attempts REMOVE receipt, rung_at"
        if self._if_held(claimed, "update_item", values, UpdateExpression=change):
            self.alarms.set([Alarm(claimed.message.function, claimed.message.id, rest)])

    def dead(self, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters by message id, from beyond `after`."""
        check_limit(limit)
        return [rows.dead_letter(item) for item in walks.merged(self.table, DEAD, after, limit)]

    def redrive(self, message_id: str) -> None:
        """Send a dead letter again with fresh attempts: `NotFound` if there is none."""
        missing = NotFound(f"no dead letter {message_id!r}: it was sent again already, or never died")
        here = {"Key": layout.sharded(DEAD, message_id)}
        item = self.table.read("get_item", TableName=self.table.name, **here, ConsistentRead=True).get("Item")
        if item is None:
            raise missing
        message = rows.message(item)
        gone = {"Delete": here | {"ConditionExpression": "attribute_exists(pk)"}}
        try:
            self.table.transact([gone, {"Update": rows.sending(message, self._now())}])
        except CheckFailed as failed:
            raise missing from failed
        self.alarms.set([Alarm(message.function, message.id)])

    def void_leases(self) -> None:
        """Make every claimed message visible at once: for the single process that just started."""
        for item in walks.every(self.table, MESSAGE, where="attribute_exists(receipt)"):
            values = {":visible": number(self._now())}
            self._if_held(
                rows.claimed(item), "update_item", values, UpdateExpression="SET visible_at = :visible REMOVE receipt"
            )

    def depth(self) -> Depth:
        """Count the messages by where they stand."""
        now, counts = self._now(), {"ready": 0, "delayed": 0, "leased": 0}
        for item in walks.every(self.table, MESSAGE):
            stand = "leased" if "receipt" in item else "ready" if rows.visible_at(item) <= now else "delayed"
            counts[stand] += 1
        return Depth(**counts, dead=walks.count(self.table, DEAD))

    def oldest_age(self) -> float:
        """Return how many seconds ago the oldest message that is not done was sent; 0.0 if there is none."""
        sent = min((rows.sent_at(item) for item in walks.every(self.table, MESSAGE)), default=None)
        return 0.0 if sent is None else max(0.0, self._now() - sent)

    def _now(self) -> float:
        return self.clock().timestamp()

    def _fit(self, due: Iterable[Item], now: float) -> Iterator[Item]:
        """Return the messages that may be claimed; those whose last attempt nobody answered are given up."""
        for item in due:
            if rows.attempts(item) >= self.attempts:
                self._give_up(item, now)
            else:
                yield item

    def _claimed(self, item: Item, now: float, lease: float) -> list[Claimed]:
        claimed, _ = self._try(rows.message(item).id, now, lease)
        return [] if claimed is None else [claimed]

    def _try(self, message_id: str, now: float, lease: float) -> tuple[Claimed | None, Item]:
        """Claim the message, or return what was found instead of one to claim.

        A claim whose answer was lost, and that was therefore sent again, finds its own receipt.
        """
        receipt = secrets.token_hex(16)
        values = {":now": number(now), ":most": number(self.attempts), ":one": number(1)}
        values |= {":until": number(now + lease), ":receipt": text(receipt)}
        try:
            answer = self.table.write(
                "update_item",
                TableName=self.table.name,
                Key=layout.sharded(MESSAGE, message_id),
                UpdateExpression="SET visible_at = :until, receipt = :receipt ADD attempts :one",
                ConditionExpression=_CLAIMABLE,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except CheckFailed as failed:
            found = failed.found[0] or {}
            return (rows.claimed(found) if found.get("receipt") == text(receipt) else None), found
        return rows.claimed(answer["Attributes"]), {}

    def _if_held(self, claimed: Claimed, operation: str, values: Item | None = None, **request: Any) -> bool:
        """Change the message if it is still there under this receipt; return whether it was."""
        try:
            self.table.write(
                operation,
                TableName=self.table.name,
                Key=layout.sharded(MESSAGE, claimed.message.id),
                ConditionExpression=_HELD,
                ExpressionAttributeValues={":receipt": text(claimed.receipt)} | (values or {}),
                **request,
            )
        except CheckFailed as failed:
            return failed.unsure
        return True

    def _give_up(self, item: Item, now: float) -> None:
        letter = DeadLetter(rows.message(item), rows.attempts(item), abandoned(self.attempts), written(self.clock()))
        self._bury(letter, _WORN_OUT, {":now": number(now), ":most": number(self.attempts)})

    def _bury(self, letter: DeadLetter, condition: str, values: Item) -> None:
        """Make a message a dead letter, if the condition holds."""
        here = {"Key": layout.sharded(MESSAGE, letter.message.id)}
        gone = here | {"ConditionExpression": condition, "ExpressionAttributeValues": values}
        try:
            self.table.transact([{"Delete": gone}, {"Put": rows.burying(letter)}])
        except CheckFailed:
            return
