"""Hands orders to subscribers that cannot be reached from here: they ask, and wait for a while if there is nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import BadInput, Conflict
from shared.model.calls import Answer, Call
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.services.conditions import Conditions
from shared.services.gates import Gates
from shared.services.keyring import Keyring
from shared.services.parcels import NoText, parcel
from shared.services.portal_records import listed
from shared.services.tables import OPEN_ORDERS
from shared.wire.orders import write_order
from shared.wire.standard_webhooks import sign

LONGEST: Final = 25.0
"""Seconds that one request may wait: under the minute after which proxies give up."""

_LOOK: Final = 0.5
_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Polling:
    """Answers `GET /orders/{cluster}?wait=<seconds>`; `pause` sleeps for seconds."""

    store: Store
    clock: Clock
    ids: Ids
    master: bytes
    conditions: Conditions
    pause: Callable[[float], None] = time.sleep

    def poll(self, call: Call) -> Answer:
        """Return `{"items": […]}`, oldest first, signed as orders are; each comes again until a report is about it.

        The request's signature is over an empty body. Raises `Unauthenticated`, `BadInput`, and
        `Conflict` where a ChaosCenter carries them out.
        """
        keyring = Keyring(self.store, self.clock, self.master)
        cluster, asked = keyring.verified(call)
        if cluster.chaoscenter:
            raise Conflict(
                f"cluster {cluster.id} gets its orders through a ChaosCenter: no subscriber may take them, too"
            )
        until = self.clock().timestamp() + _wait(call)
        while not (orders := self._ready(cluster)) and (left := until - self.clock().timestamp()) > 0:
            self.pause(min(left, _LOOK))
        body = b'{"items":[' + b",".join(orders) + b"]}"
        key, *former = keyring.signing(cluster)
        headers = sign(key, asked, int(self.clock().timestamp()), body, former)
        return Answer(200, body, {"Content-Type": "application/json", **headers})

    def _ready(self, cluster: Cluster) -> list[bytes]:
        ready = (row.value for row in listed(self.store, OPEN_ORDERS, cluster.id) if row.value.state == "ready")
        wired = (text for order in ready if (text := self._text(order)))
        return [text for text, _ in zip(wired, range(_AT_ONCE), strict=False)]

    def _text(self, order: Dispatched) -> bytes | None:
        gates = Gates(self.store, self.clock, self.ids, self.conditions)
        going = gates.let_go(order.cluster, order.id)
        if going is None:
            return None
        try:
            return write_order(parcel(self.store, order))
        except NoText as error:
            gates.end(going, Refusal("text", str(error)))
            return None


def _wait(call: Call) -> float:
    try:
        wanted = msgspec.convert(call.query.get("wait", "0"), int, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(f"wait={call.query['wait'][:40]!r} is no whole number of seconds") from error
    return min(max(float(wanted), 0.0), LONGEST)
