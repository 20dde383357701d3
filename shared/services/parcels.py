"""Puts an order together as it goes over the wire: with the text of its manifest, as git had it."""

from __future__ import annotations

import hashlib

from shared.errors import NotFound
from shared.model.orders import Dispatched, Order
from shared.ports.state import Store
from shared.services.tables import BLOBS


class NoText(NotFound):
    """The text of an order's manifest is gone, so that it cannot be sent."""


def parcel(store: Store, order: Dispatched) -> Order:
    """Return what a subscriber gets: `NoText` if the manifest cannot be found."""
    text = None if order.blob is None else _text(store, order.project, order.blob)
    return Order(
        order=order.id,
        project=order.project,
        experiment=order.experiment,
        action=order.action,
        not_after=order.not_after,
        manifest=None if text is None else text.decode(),
        digest=None if text is None else hashlib.sha256(text).hexdigest(),
        guard=order.guard,
        traceparent=order.traceparent,
        parameters=order.parameters,
    )


def _text(store: Store, project: str, blob: str) -> bytes:
    found = BLOBS.load(store, project, blob)
    if found is None:
        raise NoText(f"the text of git blob {blob} is gone: sync the project and run the experiment again")
    return found.value
