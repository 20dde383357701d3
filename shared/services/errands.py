"""Messages about what a ChaosCenter carries out: one chain for each order, since their ids say what they are about."""

from __future__ import annotations

from typing import Final

from shared.model.messages import Message
from shared.ports.state import Store
from shared.services.tables import ERRANDS

_AT_ONCE: Final = 80


def errand_due(cluster: str, order: str) -> Message:
    """Return the message that has an order brought to a ChaosCenter, or looked after there (`dispatch/center`).

    While one is on its way, another is not added.
    """
    return Message(f"center-{cluster}-{order}", "dispatch", "center", {"cluster": cluster, "order": order})


def errands_due(store: Store, cluster: str) -> tuple[Message, ...]:
    """Return the messages about everything that a cluster's ChaosCenter was asked for and has not ended."""
    rows = store.query(ERRANDS.partition(cluster), limit=_AT_ONCE)
    return tuple(errand_due(cluster, row.key.sort) for row in rows)
