"""Orders in the store: made, moved and ended, each together with its run, its ledger row and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.model.ledger import EventKind
from shared.model.messages import Message
from shared.model.orders import Action, Dispatched, OrderState
from shared.model.records import ABSENT, Delete, Put, Write
from shared.model.runs import Run, RunState
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import active_of
from shared.rules.facts import Refusal
from shared.rules.runs import BEGUN, OVER, ended
from shared.services.announcements import announced
from shared.services.concerns import bearing, concern_of, told
from shared.services.endings import remembered
from shared.services.ledger import Ledger, message, stamp
from shared.services.tables import ACTIVE, OPEN_ORDERS, ORDERS, PROJECTS, RUNS, Versioned

OPEN: frozenset[OrderState] = frozenset({"held", "waiting", "ready", "taken"})
"""States in which an order may still do something."""

SCHEDULING: frozenset[Action] = frozenset({"install", "remove"})
"""What is ordered about schedules: at its end somebody has to look what is to be ordered next."""

TOGETHER: Final = 500
"""Orders that one message is about: one worker of a process does them in less time than many that wait for each other.

Those that hang do not fill a message's time: the others then go on by messages of their own.
"""


def together(ids: Ids, messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages, those that ask for the same thing once, and those about one order each put together.

    Each cluster is in a message once, so that its orders go out one after the other.
    """
    batch: dict[str, str] = {}
    for one in _distinct(messages):
        cluster = one.ids.get("cluster", "")
        if (one.function, one.action) != ("dispatch", "order"):
            yield one
            continue
        if cluster in batch or len(batch) == TOGETHER:
            yield Message(ids(), "dispatch", "orders", batch)
            batch = {}
        batch[cluster] = one.ids["order"]
    if batch:
        yield Message(ids(), "dispatch", "orders", batch)


def _distinct(messages: Iterable[Message]) -> Iterable[Message]:
    return {_asked(one): one for one in messages}.values()


def _asked(one: Message) -> tuple[object, ...]:
    return (one.function, one.action, *sorted(one.ids.items()))


class Work(msgspec.Struct, frozen=True):
    """Writes and messages that belong into one commit."""

    writes: tuple[Write, ...] = ()
    messages: tuple[Message, ...] = ()

    def __add__(self, other: Work) -> Work:
        """Return both together."""
        return Work(self.writes + other.writes, self.messages + other.messages)


def lastly(works: Sequence[Work]) -> list[Work]:
    """Return the work with each message that is asked for several times in the last of those places alone.

    So whoever commits them in their order, and begins anew where that was cut off, sends it once all is there: the last
    is not done before.
    """
    last = {_asked(one): number for number, work in enumerate(works) for one in work.messages}
    return [
        Work(work.writes, tuple(one for one in work.messages if last[_asked(one)] == number))
        for number, work in enumerate(works)
    ]


@dataclass(frozen=True, slots=True)
class Ordering:
    """Says what a step of an order writes; the caller commits it."""

    store: Store
    clock: Clock
    ids: Ids

    def made(self, order: Dispatched, run: Run | None, reason: str) -> Work:
        """Return the making of an order and its run; `Stale` at commit if the order exists.

        It is looked at next, but for one that is held until another has proved the change.
        """
        key = (order.cluster, order.id)
        row = self.row(order, "ordered", reason, event_id=order.id)
        started = self._written(RUNS.put(run, run.project, run.id, expected=ABSENT), run) if run else ()
        put = ORDERS.put(order, *key, expected=ABSENT)
        writes = (put, OPEN_ORDERS.copy(put, *key), *started, row)
        bears = self._bears(run, triggered(order)) if run else Work()
        return Work(writes, (self.due(order),) if order.state != "held" else ()) + bears

    def moved(self, was: Versioned[Dispatched], now: Dispatched) -> Work:
        """Return the write of an order's next state, conditional on the one that was read."""
        key = (now.cluster, now.id)
        put = ORDERS.replace(was, now)
        listed: Put | Delete = OPEN_ORDERS.copy(put, *key) if now.state in OPEN else OPEN_ORDERS.delete(*key)
        return Work((_kept(put, now), listed))

    def run_moved(self, was: Versioned[Run], now: Run) -> Work:
        """Return the write of a run's next state; at its end its place is given back, and the ledger says how."""
        at = stamp(self.clock)
        begun_at = now.begun_at or (min(now.reported_at or at, at) if now.state in BEGUN else "")
        now = msgspec.structs.replace(now, updated_at=at, begun_at=begun_at)
        begun = Work(self._written(RUNS.replace(was, now), now))
        if was.version == ABSENT:
            begun += self._bears(now, now.created_at)
        elif now.state != was.value.state:
            begun += Work((), told(self.ids, now.project, now.report_to))
        return begun + self._over(now) if now.state in OVER else begun

    def ended(self, was: Versioned[Dispatched], state: OrderState, refusal: Refusal, run: RunState = "skipped") -> Work:
        """Return the end of an order from our side, and of its run unless that went on without us."""
        now = msgspec.structs.replace(was.value, state=state, reason=refusal.reason, rule=refusal.rule)
        row = self.noted(now, state, refusal.reason) + Work((), self.after(now))
        return self.moved(was, now) + row + self._run_ended(now, run)

    def noted(self, order: Dispatched, verdict: str, reason: str) -> Work:
        """Return the ledger's row on an order, with what tells the project's sinks of it."""
        row = self.row(order, verdict, reason)
        return Work((row,), self._announced(order.project, "order", verdict, row))

    def row(self, order: Dispatched, verdict: str, reason: str, event_id: str | None = None) -> Put:
        """Return the ledger's row on an order."""
        told = {"order": order.id, "cluster": order.cluster, "action": order.action, "state": order.state}
        detail = told | ({"rule": order.rule} if order.rule else {})
        ledger, links = Ledger(self.clock, self.ids), self.links(order)
        _, row = ledger.row(
            order.project,
            "order",
            verdict=verdict,
            reason=reason,
            subject=order.experiment,
            detail=detail,
            links=links,
            event_id=event_id,
        )
        return row

    def links(self, order: Dispatched) -> list[tuple[str, str]]:
        """Return what an order belongs to, as a ledger row links it."""
        named = (
            ("order", order.id),
            ("run", order.run),
            ("change", order.change),
            ("cluster", order.cluster),
            ("experiment", order.experiment),
            ("commit", order.parameters.get("revision")),
        )
        return [(rel, record) for rel, record in named if record]

    def due(self, order: Dispatched) -> Message:
        """Return the message that has an order looked at."""
        return message(self.ids, "dispatch", "order", cluster=order.cluster, order=order.id)

    def after(self, order: Dispatched) -> tuple[Message, ...]:
        """Return what an order's end sets going: what waited for its proof, its place, or its outcome."""
        if order.action == "prove":
            return (message(self.ids, "dispatch", "proved", cluster=order.cluster, order=order.id),)
        action = "resume" if order.attempts else "next"
        follower = message(self.ids, "dispatch", action, cluster=order.cluster)
        if order.action in SCHEDULING:
            looked = message(self.ids, "dispatch", "schedule", project=order.project, experiment=order.experiment)
            return (follower, looked)
        return (follower,)

    def _bears(self, run: Run, at: str) -> Work:
        """Return what makes the run count for the statuses of its commits."""
        return Work(*bearing(self.store, self.ids, run.project, run.report_to, concern_of(run, at)))

    def _run_ended(self, order: Dispatched, state: RunState) -> Work:
        run = RUNS.load(self.store, order.project, order.run) if order.run else None
        now = ended(run.value, state, order.reason) if run else None
        return self.run_moved(run, now) if run and now else Work()

    def _written(self, put: Put, run: Run) -> tuple[Write, ...]:
        if run.state in OVER:
            return (put, ACTIVE.delete(run.cluster, run.id))
        return (put, ACTIVE.put(active_of(run), run.cluster, run.id))

    def _over(self, run: Run) -> Work:
        links: Sequence[tuple[str, str | None]] = (
            ("run", run.id),
            ("order", run.order),
            ("change", run.change),
            ("commit", run.commit),
        )
        _, row = Ledger(self.clock, self.ids).row(
            run.project,
            "run",
            verdict=run.state,
            reason=run.message or _told(run),
            subject=run.experiment,
            detail={"cluster": run.cluster, "verdict": run.verdict, "score": run.score, "cause": run.cause},
            links=[(rel, record) for rel, record in links if record],
        )
        noted = message(self.ids, "sync", "note", project=run.project, run=run.id)
        return Work((row, *remembered(run)), (noted, *self._announced(run.project, "run", run.state, row)))

    def _announced(self, project: str, kind: EventKind, verdict: str, row: Put) -> tuple[Message, ...]:
        found = PROJECTS.load(self.store, project)
        return announced(found.value if found else None, kind, verdict, row.key.sort)


def triggered(order: Dispatched) -> str:
    """Return when what an order starts was triggered, or else made (RFC 3339 UTC)."""
    return order.bounds.triggered_at or order.created_at


def _told(run: Run) -> str:
    score = "without a score" if run.score is None else f"with a score of {run.score:.2f}"
    return f"it ended as {run.verdict or run.state}, {score}"


def _kept(write: Put, order: Dispatched) -> Put:
    """Have an order age once it is over, but none by which an installed schedule is known."""
    over = order.state not in OPEN and order.action not in SCHEDULING
    return msgspec.structs.replace(write, ages=True) if over else write
