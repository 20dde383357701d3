"""Messages as rows, and the moves they make, each in one statement: sent, claimed, returned, given up, sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.clients.postgresql.statements import Row, Statement
from shared.model.messages import Claimed, DeadLetter, Message

_SEND: Final = """
    INSERT INTO litmus_gitops_message (id, function, action, ids, sent_at, visible_at, forwarded_at, attempts)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 0) ON CONFLICT DO NOTHING"""
_BURIED: Final = """
    INSERT INTO litmus_gitops_dead_letter (id, function, action, ids, attempts, reason, died_at)
    SELECT id, function, action, ids, attempts, %s, %s FROM gone
    ON CONFLICT (id) DO UPDATE SET function = excluded.function, action = excluded.action, ids = excluded.ids,
        attempts = excluded.attempts, reason = excluded.reason, died_at = excluded.died_at"""
_RECEIVE: Final = f"""
    WITH next AS (
        SELECT id, attempts FROM litmus_gitops_message WHERE visible_at <= %s AND function <> ALL(%s)
        ORDER BY visible_at LIMIT %s FOR UPDATE SKIP LOCKED),
    gone AS (
        DELETE FROM litmus_gitops_message m USING next WHERE m.id = next.id AND next.attempts >= %s RETURNING m.*),
    buried AS ({_BURIED}),
    taken AS (
        UPDATE litmus_gitops_message m SET attempts = m.attempts + 1, visible_at = %s, receipt = %s
        FROM next WHERE m.id = next.id AND next.attempts < %s RETURNING m.*)
    SELECT id, function, action, ids, attempts, false FROM taken
    UNION ALL SELECT id, function, action, ids, attempts, true FROM gone"""  # noqa: S608 - constants only, as below
_CLAIM: Final = """
    UPDATE litmus_gitops_message SET attempts = attempts + 1, visible_at = %s, receipt = %s
    WHERE id = %s AND visible_at <= %s AND attempts < %s RETURNING id, function, action, ids, attempts"""
_WEAR_OUT: Final = f"""
    WITH gone AS (
        DELETE FROM litmus_gitops_message WHERE id = %s AND visible_at <= %s AND attempts >= %s RETURNING *)
    {_BURIED}"""  # noqa: S608
_GIVE_UP: Final = f"""
    WITH gone AS (DELETE FROM litmus_gitops_message WHERE id = %s AND receipt = %s RETURNING *)
    {_BURIED}"""  # noqa: S608
_VISIBLE_AT: Final = "SELECT visible_at FROM litmus_gitops_message WHERE id = %s"
_DUE: Final = """
    SELECT visible_at FROM litmus_gitops_message WHERE function <> ALL(%s) ORDER BY visible_at LIMIT 1"""
_KEEP: Final = "UPDATE litmus_gitops_message SET visible_at = %s WHERE id = %s AND receipt = %s"
_FORGET: Final = "DELETE FROM litmus_gitops_message WHERE id = %s AND receipt = %s"
_RETURN: Final = """
    UPDATE litmus_gitops_message SET attempts = %s, visible_at = %s, receipt = NULL WHERE id = %s AND receipt = %s"""
_VOID: Final = "UPDATE litmus_gitops_message SET visible_at = %s, receipt = NULL WHERE receipt IS NOT NULL"
_DEAD: Final = """
    SELECT id, function, action, ids, attempts, reason, died_at FROM litmus_gitops_dead_letter
    WHERE id > %s ORDER BY id LIMIT %s"""
_REVIVE: Final = """
    INSERT INTO litmus_gitops_message (id, function, action, ids, sent_at, visible_at, forwarded_at, attempts)
    SELECT id, function, action, ids, %s, %s, %s, 0 FROM litmus_gitops_dead_letter WHERE id = %s
    ON CONFLICT DO NOTHING"""
_UNBURY: Final = "DELETE FROM litmus_gitops_dead_letter WHERE id = %s RETURNING function"
_DEPTH: Final = """
    SELECT count(*) FILTER (WHERE receipt IS NULL AND visible_at <= %s),
           count(*) FILTER (WHERE receipt IS NULL AND visible_at > %s),
           count(*) FILTER (WHERE receipt IS NOT NULL),
           (SELECT count(*) FROM litmus_gitops_dead_letter)
    FROM litmus_gitops_message"""
_OVERDUE: Final = """
    UPDATE litmus_gitops_message SET forwarded_at = %s WHERE id IN (
        SELECT id FROM litmus_gitops_message
        WHERE visible_at <= %s AND forwarded_at IS NULL OR visible_at <= %s AND forwarded_at <= %s
        ORDER BY visible_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING function, id"""
_OLDEST: Final = "SELECT min(sent_at) FROM litmus_gitops_message"


SOON: Final = 10.0
"""Seconds of delay for which a wake-up that comes too early is worth its while."""
LONG: Final = 120.0
"""Seconds for which a message is due, and was not forwarded again, before its wake-up is taken for lost."""


class Terms(NamedTuple):
    """On what a claim is made: until when and under which receipt; after `most` attempts the message is buried instead.

    Times are in seconds since 1970; `reason` and `at` are what a dead letter then says.
    """

    now: float
    until: float
    receipt: str
    most: int
    reason: str
    at: str


def send(messages: Sequence[Message], now: float) -> list[Statement]:
    """Add messages; one whose id is queued already is the same message, and is kept once.

    They come in the order of their ids, as everywhere: who locks in one order never waits in a circle.
    """
    ordered = sorted(messages, key=lambda message: message.id)
    return [Statement(_SEND, (*_row(one), now, now + one.delay, now if is_soon(one) else None)) for one in ordered]


def is_soon(message: Message) -> bool:
    """Whether a message is forwarded by whoever sends it; others are once they are due."""
    return message.delay <= SOON


def receive(leave: Sequence[str], limit: int, terms: Terms) -> Statement:
    """Claim visible messages, longest visible first; those that were tried often enough are buried and returned too."""
    buried = (terms.reason, terms.at)
    taken = (terms.until, terms.receipt, terms.most)
    return Statement(_RECEIVE, (terms.now, list(leave), limit, terms.most, *buried, *taken))


def claim(message_id: str, terms: Terms) -> tuple[Statement, Statement, Statement]:
    """Claim one message, or bury it if it was tried often enough, or ask when it will be visible."""
    return (
        Statement(_CLAIM, (terms.until, terms.receipt, message_id, terms.now, terms.most)),
        Statement(_WEAR_OUT, (message_id, terms.now, terms.most, terms.reason, terms.at)),
        Statement(_VISIBLE_AT, (message_id,)),
    )


def keep(claims: Sequence[Claimed], until: float) -> list[Statement]:
    """Hide messages that are still held under these receipts until then, in the order of their ids."""
    ordered = sorted(claims, key=lambda claimed: claimed.message.id)
    return [Statement(_KEEP, (until, one.message.id, one.receipt)) for one in ordered]


def forget(claimed: Claimed) -> Statement:
    """Remove a message that is still held under this receipt."""
    return Statement(_FORGET, (claimed.message.id, claimed.receipt))


def give_up(claimed: Claimed, reason: str, at: str) -> Statement:
    """Make a message that is still held under this receipt a dead letter; of its reason, what a text may hold."""
    return Statement(_GIVE_UP, (claimed.message.id, claimed.receipt, reason.replace("\0", "\ufffd"), at))


def give_back(claimed: Claimed, attempts: int, visible_at: float) -> Statement:
    """Show a message that is still held under this receipt again at that time."""
    return Statement(_RETURN, (attempts, visible_at, claimed.message.id, claimed.receipt))


def void(now: float) -> Statement:
    """Show every claimed message at once."""
    return Statement(_VOID, (now,))


def due(leave: Sequence[str]) -> Statement:
    """Ask when the next message becomes visible, in seconds since 1970."""
    return Statement(_DUE, (list(leave),))


def dead(after: str, limit: int) -> Statement:
    """List dead letters by message id, from beyond `after`."""
    return Statement(_DEAD, (after, limit))


def revive(message_id: str, now: float) -> list[Statement]:
    """Send a dead letter again with fresh attempts; the second statement returns a row if there was one."""
    return [Statement(_REVIVE, (now, now, now, message_id)), Statement(_UNBURY, (message_id,))]


def depth(now: float) -> Statement:
    """Count messages and dead letters by where they stand."""
    return Statement(_DEPTH, (now, now))


def overdue(now: float, limit: int) -> Statement:
    """Take those that are to be forwarded: delayed ones that are due by now, and those that nobody has come for."""
    return Statement(_OVERDUE, (now, now, now - LONG, now - LONG, limit))


def oldest() -> Statement:
    """Ask when the oldest message was sent, in seconds since 1970."""
    return Statement(_OLDEST)


def read(row: Row) -> Message:
    """Return the message of a row that begins with id, function, action and ids."""
    message_id, function, action, ids = row[:4]
    return Message(message_id, function, action, msgspec.json.decode(ids, type=dict[str, str]))


def read_letter(row: Row) -> DeadLetter:
    """Return the dead letter of a row."""
    return DeadLetter(read(row), *row[4:])


def _row(message: Message) -> tuple[str, str, str, str]:
    return message.id, message.function, message.action, msgspec.json.encode(message.ids).decode()
