"""Sends orders to subscribers, in order, until they are taken, refused or too old."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.errors import Forbidden, NotYet, Stale, Unavailable
from shared.model.calls import Answer
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.ports import Clock, Ids, Store, Subscribers
from shared.rules.facts import Refusal
from shared.rules.keys import subscriber_key
from shared.services.conditions import Conditions
from shared.services.errands import errand_due
from shared.services.gates import Gates
from shared.services.ledger import message
from shared.services.ordering import Ordering, Work
from shared.services.parcels import NoText, parcel
from shared.services.portal_records import listed
from shared.services.tables import CLUSTERS, MEMBERS, OPEN_ORDERS, Versioned
from shared.wire.orders import signed

_TAKEN: Final = frozenset({200, 202})
_ENDS: Final[dict[int, tuple[str, str]]] = {
    400: ("subscriber", "its subscriber could not read it"),
    401: (
        "subscriber",
        "its subscriber holds another secret: give it the one of the cluster's registration, or new ones",
    ),
    409: ("subscriber", "its subscriber refused it"),
    410: ("expiry", "its subscriber found it too old"),
    413: ("subscriber", "its subscriber found it too large"),
    415: ("subscriber", "its subscriber could not read it"),
    422: ("subscriber", "its subscriber could not read it"),
}
"""What a subscriber's answer makes of an order; any other answer is none, and the order is sent again."""

_SLOWEST: Final = 60.0
_QUICKEST: Final = 1.0


@dataclass(frozen=True, slots=True)
class Delivering:
    """Works off the messages about orders."""

    store: Store
    subscribers: Subscribers
    clock: Clock
    ids: Ids
    master: bytes
    conditions: Conditions

    def order(self, asked: Message) -> None:
        """Let an order go if it may, and send it (message `dispatch/order`); without an address it stays for polling.

        Raises `NotYet` while its subscriber is away, or has an older one to take first.
        """
        order = self._gates.let_go(asked.ids["cluster"], asked.ids["order"])
        cluster = CLUSTERS.load(self.store, asked.ids["cluster"])
        if order and cluster and cluster.value.chaoscenter:
            self.store.commit([], [errand_due(order.value.cluster, order.value.id)])
        if order is None or cluster is None or not cluster.value.subscriber_url:
            return
        if self._stuck_before(order.value):
            raise self._away(order, "its subscriber has an older order to take first")
        self._send(cluster.value, cluster.value.subscriber_url, order)

    def next(self, asked: Message) -> None:
        """Look at all open orders of a cluster, oldest first: a place may be free (message `dispatch/next`)."""
        for row in listed(self.store, OPEN_ORDERS, asked.ids["cluster"]):
            if self._gates.let_go(row.value.cluster, row.value.id):
                self.store.commit([], [self._ordering.due(row.value)])

    def proved(self, asked: Message) -> None:
        """Look at the orders that waited for this proof (message `dispatch/proved`)."""
        cluster = CLUSTERS.load(self.store, asked.ids["cluster"])
        for member in listed(self.store, MEMBERS, cluster.value.project) if cluster else ():
            for row in listed(self.store, OPEN_ORDERS, member.value.id):
                if row.value.after == asked.ids["order"]:
                    self.store.commit([], [self._ordering.due(row.value)])

    def _stuck_before(self, order: Dispatched) -> bool:
        """Whether an older order could not be delivered yet; an order to stop waits for none."""
        if order.action == "stop":
            return False
        opened = (row.value for row in listed(self.store, OPEN_ORDERS, order.cluster))
        return any(found.state == "ready" and found.attempts for found in opened if found.id < order.id)

    def _send(self, cluster: Cluster, url: str, order: Versioned[Dispatched]) -> None:
        key = subscriber_key(self.master, cluster.id, cluster.version)
        try:
            wired = signed(parcel(self.store, order.value), key, self.clock().timestamp())
            answer = self.subscribers(url, *wired)
        except (NoText, Forbidden) as error:
            self._gates.end(order, Refusal("delivery", str(error)))
        except Unavailable as error:
            raise self._away(order, str(error)) from error
        else:
            self._answered(order, answer)

    def _answered(self, order: Versioned[Dispatched], answer: Answer) -> None:
        if answer.status in _TAKEN:
            self._taken(order)
        elif answer.status in _ENDS:
            rule, sentence = _ENDS[answer.status]
            self._gates.end(order, Refusal(rule, f"{sentence}: {_reason(answer)}"))
        else:
            raise self._away(order, f"its subscriber answered {answer.status}")

    def _taken(self, order: Versioned[Dispatched]) -> None:
        now = msgspec.structs.replace(order.value, state="taken", reason="", attempts=0)
        row = Work((self._ordering.row(now, "taken", f"cluster {now.cluster} took it"),), self._followers(order.value))
        self._commit(self._ordering.moved(order, now) + row)

    def _followers(self, order: Dispatched) -> tuple[Message, ...]:
        """Wake what stood behind an order that took more than one try."""
        return (message(self.ids, "dispatch", "next", cluster=order.cluster),) if order.attempts else ()

    def _away(self, order: Versioned[Dispatched], reason: str) -> NotYet:
        """Remember that the order was tried; how often decides when it is tried again."""
        attempts = order.value.attempts + 1
        now = msgspec.structs.replace(order.value, attempts=attempts, reason=reason)
        self._commit(self._ordering.moved(order, now))
        return NotYet(f"order {now.id} was not delivered: {reason}", _backoff(attempts))

    def _commit(self, work: Work) -> None:
        """Commit, unless a report about the order was faster: then that counts."""
        with suppress(Stale):
            self.store.commit(work.writes, work.messages)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)

    @property
    def _gates(self) -> Gates:
        return Gates(self.store, self.clock, self.ids, self.conditions)


def _backoff(attempts: int) -> float:
    return min(_SLOWEST, _QUICKEST * 2.0 ** min(attempts, 10))


def _reason(answer: Answer) -> str:
    """Return the answer's own words, whatever they are, short and on one line."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = body.decode("utf-8", "replace")
    if isinstance(said, dict):
        said = said.get("detail") or said.get("reason") or said.get("message")
    return " ".join(str(said or "no reason given").split())[:300]
