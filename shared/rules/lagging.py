"""What may have been left behind, and is worth a reminder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from shared.model.experiments import Edit, SyncState
from shared.model.orders import Dispatched
from shared.model.statuses import Looked

PATIENCE: Final = timedelta(minutes=1)
"""How long work is left to its own message and the queue's retries."""


def lags(state: SyncState, head: str | None) -> bool:
    """Whether a project is not known to be equal to the head of its branch."""
    return state.commit != head or state.dirty != state.clean or state.problem is not None


def forgotten(edit: Edit, now: datetime) -> bool:
    """Whether a pending edit has waited for longer than its own message needs."""
    return edit.state == "pending" and now - datetime.fromisoformat(edit.at) > PATIENCE


def overdue(orders: Iterable[Dispatched], now: datetime) -> list[Dispatched]:
    """Return those of a cluster's open orders, oldest first, that are too old or whose message may be lost.

    Those behind one that was tried stand in line: its end wakes them.
    """
    found, in_line = [], False
    for order in orders:
        if datetime.fromisoformat(order.not_after) <= now:
            found.append(order)
        elif order.state in {"waiting", "ready"} and not in_line:
            found += [order] if now - datetime.fromisoformat(order.created_at) > PATIENCE else []
        in_line = in_line or (order.state == "ready" and order.attempts > 0)
    return found


def unseen(heads: Mapping[int, str], onto: str, looked: Iterable[Looked]) -> list[int]:
    """Return the open pull requests that were not looked at as they are, and those of old that are not open.

    `onto` is the head of their target: where a request parted from it changes only with one of the two heads.
    """
    known = {one.number: (one.head, one.onto) for one in looked}
    there = {number: (head, onto) for number, head in heads.items()}
    return sorted(number for number in known.keys() | there.keys() if known.get(number) != there.get(number))
