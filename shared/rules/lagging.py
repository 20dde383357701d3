"""What may have been left behind, and is worth a reminder."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.model.experiments import Edit, SyncState
from shared.model.orders import Dispatched

PATIENCE: Final = timedelta(minutes=1)
"""How long work is left to its own message and the queue's retries."""

_NOT_STARTED: Final = frozenset({"held", "waiting", "ready"})


def lags(state: SyncState, head: str | None) -> bool:
    """Whether a project is not known to be equal to the head of its branch."""
    return state.commit != head or state.dirty != state.clean or state.problem is not None


def forgotten(edit: Edit, now: datetime) -> bool:
    """Whether a pending edit has waited for longer than its own message needs."""
    return edit.state == "pending" and now - datetime.fromisoformat(edit.at) > PATIENCE


def overdue(order: Dispatched, now: datetime) -> bool:
    """Whether an order should have started, or can no longer do so."""
    if order.state not in _NOT_STARTED:
        return False
    if datetime.fromisoformat(order.not_after) <= now:
        return True
    return order.state != "held" and now - datetime.fromisoformat(order.created_at) > PATIENCE
