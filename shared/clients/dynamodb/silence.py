"""Messages that have been due for long and nobody claimed: their alarm was lost, or never set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from shared.clients.dynamodb import layout, rows, walks
from shared.clients.dynamodb.alarms import Alarm
from shared.clients.dynamodb.calls import CheckFailed, Table
from shared.clients.dynamodb.layout import MESSAGE, number

DUE_FOR: Final = 120.0
"""After how many seconds an unclaimed message gets another alarm."""
AGAIN: Final = 900.0
"""After how many more the next: a queue that is only slow is not filled with alarms for what already waits in it."""

_SILENT: Final = "visible_at <= :due AND (attribute_not_exists(rung_at) OR rung_at <= :rung)"


def silent(table: Table, now: float) -> Iterator[Alarm]:
    """Return the alarms that are to be set again."""
    values = {":due": number(now - DUE_FOR), ":rung": number(now - AGAIN)}
    for item in walks.every(table, MESSAGE, where=_SILENT, values=values):
        message = rows.message(item)
        yield Alarm(message.function, message.id)


def rung(table: Table, message_id: str, now: float) -> None:
    """Note that a message's alarm was set again, if it still waits."""
    with suppress(CheckFailed):
        table.write(
            "update_item",
            TableName=table.name,
            Key=layout.sharded(MESSAGE, message_id),
            UpdateExpression="SET rung_at = :now",
            ConditionExpression="attribute_exists(visible_at)",
            ExpressionAttributeValues={":now": number(now)},
        )
