"""Messages: what one function asks of another, by record ids only."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One thing to do: `function` names the receiver, `action` the verb, `ids` the records it concerns.

    `delay` is in seconds before it becomes visible. Delivered at least once, in no promised order.
    """

    id: str
    function: str
    action: str
    ids: dict[str, str]
    delay: float = 0.0


class Claimed(msgspec.Struct, frozen=True):
    """A message under a lease: acknowledge it with `receipt` before the lease ends, or it comes again."""

    message: Message
    receipt: str
    attempts: int


class Depth(msgspec.Struct, frozen=True):
    """How many messages are ready to be claimed, delayed, under a lease (perhaps one that ended), and dead."""

    ready: int
    delayed: int
    leased: int
    dead: int


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was given up after its last attempt, with the reason of that attempt; `at` is RFC 3339 UTC."""

    message: Message
    attempts: int
    reason: str
    at: str
