"""Sends orders to subscribers, in order, until they are taken, refused or too old."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import msgspec

from shared.errors import Forbidden, NotYet, Unavailable
from shared.model.calls import Answer
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.model.traces import records_of
from shared.ports.ambient import Clock, Ids
from shared.ports.peers import Subscribers
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.reaching import QUICKEST, SLOWEST
from shared.services.attempts import until_fresh
from shared.services.conditions import Conditions
from shared.services.errands import errand_due
from shared.services.gates import Gates
from shared.services.inbox import Action
from shared.services.keyring import Keyring
from shared.services.lanes import Lanes
from shared.services.ledger import message, reminder
from shared.services.ordering import Ordering, Work, together
from shared.services.parcels import NoText, parcel
from shared.services.portal_records import listed
from shared.services.reaches import Reaches
from shared.services.remembering import Remembering
from shared.services.settling import Settling
from shared.services.tables import CLUSTERS, MEMBERS, OPEN_ORDERS, ORDERS, REACHES, STANDINGS, Versioned
from shared.wire.orders import signed
from shared.wire.subscribers import TAKEN, refusal

_log = logging.getLogger("litmus_gitops.delivering")

_LONGEST: Final = 20.0
"""Seconds in which the orders of one message are begun, of the 60 and more that a message has: one may hang for 12."""

_UNSENT: Final = frozenset({"held", "waiting"})
"""States of an order that no message is about to bring to its cluster."""

_SETTLED: Final = 100
"""Orders whose outcome is recorded together."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """Works off the messages about orders."""

    store: Store
    subscribers: Subscribers
    clock: Clock
    ids: Ids
    master: bytes
    conditions: Conditions
    lanes: Lanes = field(default_factory=Lanes)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The messages that it works off, by action."""
        named = (self.order, self.orders, self.next, self.resume, self.proved)
        return {one.__name__: one for one in named}

    def order(self, asked: Message) -> None:
        """Let an order go if it may, and send it (message `dispatch/order`); without an address it stays for polling.

        Raises `NotYet` while its subscriber is away, or has an older one to take first.
        """
        going = self.gates.let_go(asked.ids["cluster"], asked.ids["order"])
        if going and self._deliver(going):
            self._settling.taken(going)

    def orders(self, asked: Message) -> None:
        """Do the same with one order of each of many clusters, side by side (message `dispatch/orders`).

        Its ids are cluster → order. Those that are not delivered yet go on by messages of their own.
        """
        near, until = Remembering(self.store), time.monotonic() + _LONGEST
        for group in self.lanes.groups(
            partial(replace(self, store=near).tried, until), self._going(asked, near), _SETTLED
        ):
            self._settling.settle([one for one in group if one])

    def _going(self, asked: Message, near: Remembering) -> Iterator[Versioned[Dispatched]]:
        """Yield the orders that may be given now; what it takes to send them is read together."""
        for page in self.gates.let_all_go(records_of(asked).items()):
            near.get_many([table.key(one.value.cluster) for one in page for table in (CLUSTERS, REACHES)])
            yield from page

    def _commit(self, work: Work) -> None:
        if work.writes or work.messages:
            self.store.commit(work.writes, work.messages)

    def next(self, asked: Message) -> None:
        """Look at a cluster's orders that wait, oldest first: a place may be free (message `dispatch/next`)."""
        for row in listed(self.store, OPEN_ORDERS, asked.ids["cluster"]):
            if row.value.state in _UNSENT:
                self.gates.send_on(row.value.cluster, row.value.id)

    def resume(self, asked: Message) -> None:
        """Send what was let go to a cluster that may be there again, oldest first (message `dispatch/resume`)."""
        self.next(asked)
        for row in listed(self.store, OPEN_ORDERS, asked.ids["cluster"]):
            if row.value.state == "ready":
                self.store.commit([], [self._ordering.due(row.value)])

    def proved(self, asked: Message) -> None:
        """Look at the orders that waited for this proof (message `dispatch/proved`)."""
        for sent in together(self.ids, self._behind(asked.ids["cluster"], asked.ids["order"])):
            self.store.commit([], [sent])

    def _behind(self, origin: str, proof: str) -> Iterator[Message]:
        near, cluster = Remembering(self.store), CLUSTERS.load(self.store, origin)
        members = [row.value.id for row in listed(near, MEMBERS, cluster.value.project)] if cluster else []
        near.query_many([STANDINGS.partition(member) for member in members])
        for member in members:
            for row in listed(near, STANDINGS, member):
                if row.value.after == proof and row.value.state in _UNSENT:
                    yield message(self.ids, "dispatch", "order", cluster=row.value.cluster, order=row.value.id)

    def tried(self, until: float, order: Versioned[Dispatched]) -> Versioned[Dispatched] | Message | None:
        """Return an order that was taken, or the message by which it is tried again; None where it ended.

        Whatever goes wrong with one order is shown by its own message, and holds up no other; whose turn comes after
        `until` (on the monotonic clock) goes on by its own, too.
        """
        seconds = QUICKEST
        try:
            if time.monotonic() < until:
                return order if self._deliver(order) else None
        except NotYet as error:
            seconds = error.seconds
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("order %s goes on by itself: %s", order.value.id, type(error).__name__)
        return reminder("dispatch", "order", seconds, cluster=order.value.cluster, order=order.value.id)

    def _deliver(self, going: Versioned[Dispatched]) -> bool:
        """Send an order unless it is left for polling; return whether it was taken, which is yet to be recorded."""
        cluster = CLUSTERS.load(self.store, going.value.cluster)
        if cluster and cluster.value.chaoscenter:
            self.store.commit([], [errand_due(cluster.value.id, going.value.id)])
        if cluster is None or not cluster.value.subscriber_url:
            return False
        with self.lanes.enter(cluster.value.id):
            self._in_turn(going.value)
            if not _urgent(going.value):
                self._reaches.claim(cluster.value)
            return self._send(cluster.value, cluster.value.subscriber_url, going)

    def _in_turn(self, order: Dispatched) -> None:
        """Raise `NotYet` while an older order could not be delivered, whose end wakes this one."""
        if order.action == "stop" or not self.store.query(
            STANDINGS.partition(order.cluster), after=order.id, limit=1, newest_first=True
        ):
            return
        opened = (row.value for row in listed(self.store, STANDINGS, order.cluster))
        if any(one.id < order.id and one.state == "ready" and one.attempts for one in opened):
            raise NotYet(f"order {order.id} waits: its subscriber has an older order to take first", SLOWEST)

    def _send(self, cluster: Cluster, url: str, order: Versioned[Dispatched]) -> bool:
        key, *former = Keyring(self.store, self.clock, self.master).signing(cluster)
        try:
            wired = signed(parcel(self.store, order.value), key, self.clock().timestamp(), former)
            answer = self.subscribers(url, *wired)
        except (NoText, Forbidden) as error:
            self.gates.end(order, Refusal("delivery", str(error)))
            return False
        except Unavailable as error:
            raise self._away(cluster, order.value, str(error)) from error
        return self._answered(cluster, order, answer)

    def _answered(self, cluster: Cluster, order: Versioned[Dispatched], answer: Answer) -> bool:
        refused = refusal(answer)
        if answer.status not in TAKEN and refused is None:
            raise self._away(cluster, order.value, f"its subscriber answered {answer.status}")
        until_fresh(lambda: self._reached(cluster))
        if refused:
            self.gates.end(order, Refusal(*refused))
        return refused is None

    def _reached(self, cluster: Cluster) -> None:
        self._commit(Work(tuple(self._reaches.success(cluster))))

    def _away(self, cluster: Cluster, order: Dispatched, reason: str) -> NotYet:
        """Remember that the subscriber did not take an order, and when it is tried again."""
        seconds = until_fresh(lambda: self._failed(cluster, order, reason))
        return NotYet(f"order {order.id} was not delivered: {reason}", seconds)

    def _failed(self, cluster: Cluster, order: Dispatched, reason: str) -> float:
        seconds, writes = self._reaches.failure(cluster, reason)
        was = ORDERS.load(self.store, cluster.id, order.id)
        work = Work(tuple(writes))
        if was and was.value.state == "ready":
            now = msgspec.structs.replace(was.value, attempts=was.value.attempts + 1, reason=reason)
            work += self._ordering.moved(was, now)
        self.store.commit(work.writes)
        return seconds

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)

    @property
    def gates(self) -> Gates:
        """What lets its orders go."""
        return Gates(self.store, self.clock, self.ids, self.conditions)

    @property
    def _settling(self) -> Settling:
        return Settling(self.store, self.clock, self.ids)

    @property
    def _reaches(self) -> Reaches:
        return Reaches(self.store, self.clock, self.ids)


def _urgent(order: Dispatched) -> bool:
    """Whether an order is a probe by itself: the first try to stop a run waits for no pause."""
    return order.action == "stop" and not order.attempts
