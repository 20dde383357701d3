"""Messages as items, and back."""

from __future__ import annotations

import msgspec

from shared.clients.dynamodb import layout
from shared.clients.dynamodb.layout import DEAD, MESSAGE, SORT_KEY, Item, number, text
from shared.model.messages import Claimed, DeadLetter, Message


def sending(message: Message, now: float) -> Item:
    """Return the update that sends a message; one whose id is queued already is the same one, and stays as it is."""
    sent = _told(message) | {
        "sent_at": number(now),
        "visible_at": number(now + message.delay),
        "attempts": number(0),
    }
    assigned = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in sent)
    return {
        "Key": layout.sharded(MESSAGE, message.id),
        "UpdateExpression": f"SET {assigned}",
        "ExpressionAttributeValues": {f":{name}": value for name, value in sent.items()},
    }


def message(item: Item) -> Message:
    """Return the message that an item holds."""
    ids = msgspec.json.decode(item["ids"]["S"], type=dict[str, str])
    return Message(item[SORT_KEY]["S"], item["receiver"]["S"], item["verb"]["S"], ids)


def claimed(item: Item) -> Claimed:
    """Return the claim that an item holds."""
    return Claimed(message(item), item["receipt"]["S"], attempts(item))


def attempts(item: Item) -> int:
    """Return how often a message was tried."""
    return int(item["attempts"]["N"])


def visible_at(item: Item) -> float:
    """Return when a message can be claimed, in seconds since 1970."""
    return float(item["visible_at"]["N"])


def sent_at(item: Item) -> float:
    """Return when a message was sent, in seconds since 1970."""
    return float(item["sent_at"]["N"])


def burying(letter: DeadLetter) -> Item:
    """Return the put of a dead letter."""
    end = {"attempts": number(letter.attempts), "reason": text(letter.reason), "died_at": text(letter.at)}
    return {"Item": layout.sharded(DEAD, letter.message.id) | _told(letter.message) | end}


def dead_letter(item: Item) -> DeadLetter:
    """Return the dead letter that an item holds."""
    return DeadLetter(message(item), attempts(item), item["reason"]["S"], item["died_at"]["S"])


def _told(told: Message) -> Item:
    ids = msgspec.json.encode(told.ids).decode()
    return {"receiver": text(told.function), "verb": text(told.action), "ids": text(ids)}
