"""Orders as subscribers get them: JSON under a Standard Webhooks signature (CONTRACT, "Order and report")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from shared.errors import BadInput
from shared.model.changes import Changed
from shared.model.orders import Action, Order, Target
from shared.model.traces import NAME, valid
from shared.wire.standard_webhooks import sign

MEDIA_TYPE: Final = "application/json"
LIMIT: Final = 1 << 20
"""Bytes of an order: a manifest of 256 KiB grows in JSON, and the rest is small."""

_Id = Annotated[str, Meta(min_length=1, max_length=253)]
_Text = Annotated[str, Meta(max_length=1024)]
_Time = Annotated[str, Meta(max_length=40, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")]


class _Guard(msgspec.Struct, frozen=True):
    workload: Target
    uid: _Id
    changed: tuple[Changed, ...]
    wait: Annotated[str, Meta(max_length=40)] = "10m"


class _Order(msgspec.Struct, frozen=True, omit_defaults=True):
    order: _Id
    project: _Id
    experiment: Annotated[str, Meta(max_length=253)]
    action: Action
    guard: _Guard | None
    not_after: _Time
    traceparent: _Text
    manifest: str | None = None
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    parameters: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(_Order)


def write_order(order: Order) -> bytes:
    """Return the order as JSON; what it does not have is left out, but for `guard`, which is null then."""
    return msgspec.json.encode(msgspec.convert(order, _Order, from_attributes=True))


def read_order(body: bytes) -> Order:
    """Return the order in a verified body, or `BadInput` naming what is wrong with it."""
    try:
        order = _decoder.decode(body)
        return msgspec.convert(order, Order, from_attributes=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"this is no order: {error}") from error


def signed(order: Order, key: bytes, now: float, former: Iterable[bytes] = ()) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an order, signed with the `former` keys, too.

    Its id is the message's id, so that a repeated one is known as such.
    """
    body = write_order(order)
    traced = {NAME: order.traceparent} if valid(order.traceparent) else {}
    return {"content-type": MEDIA_TYPE, **traced, **sign(key, order.order, int(now), body, former)}, body
