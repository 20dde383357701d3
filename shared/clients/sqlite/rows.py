"""Messages as rows, and the moves they make: sent, claimed, returned, given up, sent again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache

import msgspec

from shared.clients.sqlite.statements import in_parts, tuples
from shared.model.messages import Claimed, DeadLetter, Message

Row = tuple[str, str, str, str, float, float, int]
"""id, function, action, ids, sent_at, visible_at, attempts."""

_VISIBLE = "visible_at <= ? AND function NOT IN (SELECT value FROM json_each(?))"
_NEXT = f"""SELECT id, function, action, ids, attempts FROM message
            WHERE {_VISIBLE} ORDER BY visible_at LIMIT ?"""  # noqa: S608 - constants only
_ONE = "SELECT id, function, action, ids, attempts, visible_at FROM message WHERE id = ?"
_DUE = """SELECT visible_at FROM message WHERE function NOT IN (SELECT value FROM json_each(?))
          ORDER BY visible_at LIMIT 1"""
_CLAIM = "UPDATE message SET attempts = ?, visible_at = ?, receipt = ? WHERE id = ?"
_KEEP = "UPDATE message SET visible_at = ? WHERE id = ? AND receipt = ?"
_RETURN = "UPDATE message SET attempts = ?, visible_at = ?, receipt = NULL WHERE id = ?"
_HOLDS = "SELECT 1 FROM message WHERE id = ? AND receipt = ?"
_DEAD = "SELECT id, function, action, ids, attempts, reason, died_at FROM dead_letter"
_BURY = """INSERT OR REPLACE INTO dead_letter (id, function, action, ids, attempts, reason, died_at)
           SELECT id, function, action, ids, attempts, ?, ? FROM message WHERE id = ?"""


def as_row(message: Message, now: float) -> Row:
    """Return a message that is sent `now`, in seconds since 1970."""
    return message.id, message.function, message.action, _ids(message), now, now + message.delay, 0


def send(connection: sqlite3.Connection, messages: Sequence[Row]) -> None:
    """Add messages; one whose id is queued already is the same message, and is kept once."""
    for few in in_parts(messages):
        connection.execute(_sending(len(few)), [value for one in few for value in one])


def visible(connection: sqlite3.Connection, now: float, leave: Sequence[str], limit: int) -> list[tuple[Message, int]]:
    """Return the messages that may be claimed, longest visible first, each with its attempts so far."""
    rows = connection.execute(_NEXT, (now, _names(leave), limit)).fetchall()
    return [(_message(*row[:4]), row[4]) for row in rows]


def one(connection: sqlite3.Connection, message_id: str) -> tuple[Message, int, float] | None:
    """Return a message, its attempts so far and when it is visible, in seconds since 1970; None if there is none."""
    row = connection.execute(_ONE, (message_id,)).fetchone()
    return None if row is None else (_message(*row[:4]), row[4], row[5])


def due(connection: sqlite3.Connection, leave: Sequence[str]) -> float | None:
    """Return when the next message becomes visible, in seconds since 1970; None if there is none."""
    row = connection.execute(_DUE, (_names(leave),)).fetchone()
    return None if row is None else row[0]


def claim(connection: sqlite3.Connection, claimed: Claimed, until: float) -> None:
    """Hide a message under a receipt."""
    connection.execute(_CLAIM, (claimed.attempts, until, claimed.receipt, claimed.message.id))


def keep(connection: sqlite3.Connection, claims: Sequence[Claimed], until: float) -> None:
    """Hide messages that are still held under these receipts until then."""
    connection.executemany(_KEEP, [(until, one.message.id, one.receipt) for one in claims])


def holds(connection: sqlite3.Connection, claimed: Claimed) -> bool:
    """Tell whether the message is still there under this receipt."""
    return connection.execute(_HOLDS, (claimed.message.id, claimed.receipt)).fetchone() is not None


def forget(connection: sqlite3.Connection, message_id: str) -> None:
    """Remove a message."""
    connection.execute("DELETE FROM message WHERE id = ?", (message_id,))


def give_back(connection: sqlite3.Connection, message_id: str, attempts: int, visible_at: float) -> None:
    """Show a claimed message again at that time."""
    connection.execute(_RETURN, (attempts, visible_at, message_id))


def void(connection: sqlite3.Connection, now: float) -> None:
    """Show every claimed message at once."""
    connection.execute("UPDATE message SET visible_at = ?, receipt = NULL WHERE receipt IS NOT NULL", (now,))


def bury(connection: sqlite3.Connection, message_id: str, reason: str, at: str) -> None:
    """Make a message a dead letter."""
    connection.execute(_BURY, (reason, at, message_id))
    forget(connection, message_id)


def dead(connection: sqlite3.Connection, after: str, limit: int) -> list[DeadLetter]:
    """List dead letters by message id, from beyond `after`."""
    rows = connection.execute(f"{_DEAD} WHERE id > ? ORDER BY id LIMIT ?", (after, limit)).fetchall()
    return [DeadLetter(_message(*row[:4]), *row[4:]) for row in rows]


def revive(connection: sqlite3.Connection, message_id: str, now: float) -> bool:
    """Send a dead letter again with fresh attempts; False if there is none."""
    row = connection.execute(f"{_DEAD} WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        return False
    send(connection, [(*row[:4], now, now, 0)])
    connection.execute("DELETE FROM dead_letter WHERE id = ?", (message_id,))
    return True


@cache
def _sending(count: int) -> str:
    """Return what adds so many messages."""
    return f"""INSERT INTO message (id, function, action, ids, sent_at, visible_at, attempts)
               VALUES {tuples(count, 7)} ON CONFLICT DO NOTHING"""  # noqa: S608 - likewise


def _ids(message: Message) -> str:
    return msgspec.json.encode(message.ids).decode()


def _names(functions: Sequence[str]) -> str:
    return msgspec.json.encode(functions).decode()


def _message(message_id: str, function: str, action: str, ids: str) -> Message:
    return Message(message_id, function, action, msgspec.json.decode(ids, type=dict[str, str]))
