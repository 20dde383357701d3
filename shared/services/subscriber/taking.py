"""The way in for orders: verified, checked against what this cluster allows, and recorded before they are answered."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import BadInput, Conflict, Gone
from shared.model.calls import Answer, Call
from shared.model.orders import Order
from shared.ports.ambient import Clock
from shared.rules.permits import Permits, refusal
from shared.services.subscriber.artifacts import embedded, parsed
from shared.services.subscriber.records import Records
from shared.services.subscriber.steps import Steps
from shared.wire import standard_webhooks
from shared.wire.orders import read_order

_WITH_MANIFEST = frozenset({"run", "install"})


@dataclass(frozen=True, slots=True)
class Taking:
    """Answers orders: 202 taken, 200 already taken, 401, 409 refused with a reason, 410 too old (CONTRACT).

    `keys` are the subscriber's keys, newest first: an older one counts while it is being rotated out. `begun` is told
    the id of each order that is there, also of one whose answer was lost when it came first.
    """

    keys: tuple[bytes, ...]
    cluster: str
    records: Records
    steps: Steps
    clock: Clock
    permits: Permits
    begun: Callable[[str], None]

    def __call__(self, call: Call) -> Answer:
        """Take the order in a signed call."""
        standard_webhooks.verify(self.keys, call.headers, call.body, self.clock().timestamp())
        order = read_order(call.body)
        taken = self.take(order)
        return Answer(202 if taken else 200, {"order": order.order, "taken": taken})

    def take(self, order: Order) -> bool:
        """Record an order whose sender is known: True if it is new, False if it was taken before.

        Raises `Conflict` for what this cluster does not carry out, and `Gone` for what came too late.
        """
        taken = self.records.find(order.order) is None and self._record(order)
        self.begun(order.order)
        return taken

    def _record(self, order: Order) -> bool:
        self._check(order)
        return self.records.take(order, self.steps.begin(order.action)) is not None

    def _check(self, order: Order) -> None:
        meant = order.parameters.get("infra_id", self.cluster)
        if meant != self.cluster:
            raise Conflict(f"the order is for cluster {meant}, and this is {self.cluster}")
        if self.steps.desk.expired(order):
            raise Gone(f"the order was to be taken by {order.not_after}")
        if order.action in _WITH_MANIFEST:
            self._check_manifest(order)

    def _check_manifest(self, order: Order) -> None:
        text = order.manifest or ""
        found = hashlib.sha256(text.encode()).hexdigest()
        if not hmac.compare_digest(found, order.digest or ""):
            raise Conflict(f"the manifest's SHA-256 is {found}, and the order says {order.digest}")
        try:
            body = parsed(text)
            inside = embedded(body) if isinstance(body.get("spec"), dict) else []
        except BadInput as error:
            raise Conflict(str(error)) from error
        if why := refusal(body, inside, self.permits):
            raise Conflict(why)
