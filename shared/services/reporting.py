"""Takes what subscribers report: runs move on, end and are scored; what comes twice, late or astray does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.calls import Answer, Call
from shared.model.heartbeats import Heartbeat
from shared.model.orders import Dispatched, OrderState
from shared.model.projects import Cluster, Presence
from shared.model.records import ABSENT, Put
from shared.model.runs import Report, Run, RunState
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.routing import namespaces, service_accounts
from shared.rules.runs import OVER, UNSTARTED, merged, told
from shared.rules.verdicts import THRESHOLD
from shared.services.attempts import until_fresh
from shared.services.heartbeats import Heartbeats
from shared.services.keyring import Keyring
from shared.services.ledger import Ledger, message, stamp
from shared.services.ordering import OPEN, Ordering, Work
from shared.services.overseeing import watching
from shared.services.reaches import Reaches
from shared.services.tables import COOLDOWNS, EXPERIMENTS, ORDERS, PRESENCE, RUNS, Versioned
from shared.wire.reports import read_report
from shared.wire.traces import continued

_SILENCE: Final = timedelta(seconds=60)
"""A subscriber that was silent for longer gets at once what waited for it."""

_DONE: Final[frozenset[RunState]] = frozenset({"completed", "stopped"})


@dataclass(frozen=True, slots=True)
class Reports:
    """Moves orders and runs on by what is reported of them."""

    store: Store
    clock: Clock
    ids: Ids

    def take(self, cluster: Cluster, report: Report) -> str:
        """Take a report, from whomever carries out the orders of its cluster, and return the state of its run or order.

        Raises `NotFound` where the order is none of this cluster's.
        """
        return until_fresh(lambda: self._taken(cluster, report))

    def _taken(self, cluster: Cluster, report: Report) -> str:
        if report.order is None:
            return self._scheduled(cluster, report)
        order = ORDERS.load(self.store, cluster.id, report.order)
        if order is None:
            raise NotFound(f"cluster {cluster.id} has no order {report.order}")
        run = RUNS.load(self.store, cluster.project, order.value.run) if order.value.run else None
        return self._ran(cluster, order, run, report) if run else self._settled(order, report)

    def _ran(self, cluster: Cluster, order: Versioned[Dispatched], run: Versioned[Run], report: Report) -> str:
        now = merged(run.value, report)
        if now is None:
            return run.value.state
        work = self._moved(order, _order_after(order.value, now.state))
        news = self._ordering.run_moved(run, now) + self._noted(run.value, now, report)
        begun = run.value.state in UNSTARTED and now.state not in UNSTARTED | OVER
        wakes = (message(self.ids, "dispatch", "next", cluster=cluster.id),) if begun else ()
        self._commit(work + news + self._cooled(order.value, now) + Work(messages=wakes))
        return now.state

    def _cooled(self, order: Dispatched, run: Run) -> Work:
        """Give back the cooldown of a run that did no chaos, so that the corrected change is tested."""
        name = f"{order.cluster}/{order.bounds.subject}/{order.experiment}"
        last = COOLDOWNS.load(self.store, order.project, name) if run.state == "skipped" else None
        if last is None or last.value != order.bounds.triggered_at:
            return Work()
        return Work((COOLDOWNS.delete(order.project, name, expected=last.version),))

    def _moved(self, was: Versioned[Dispatched], now: Dispatched) -> Work:
        if now == was.value:
            return Work()
        over = self._ordering.after(now) if now.state not in OPEN else ()
        return self._ordering.moved(was, now) + Work(messages=over)

    def _settled(self, order: Versioned[Dispatched], report: Report) -> str:
        """Take what became of an order that is no run: a proof, an installation, a stop."""
        state = _settled_state(report.state)
        if order.value.state not in OPEN or state == order.value.state:
            return order.value.state
        now = msgspec.structs.replace(order.value, state=state, reason=report.message, rule="")
        row = self._row(now.project, now.experiment, report, self._ordering.links(now))
        self._commit(self._moved(order, now) + Work((row,)))
        return state

    def _scheduled(self, cluster: Cluster, report: Report) -> str:
        """Take the report of a run that a schedule in the cluster started."""
        was = RUNS.load(self.store, cluster.project, report.run) or self._new(cluster, report)
        if was.value.order or was.value.cluster != cluster.id:
            raise Conflict(f"run {report.run} is not one that a schedule on cluster {cluster.id} started")
        now = merged(was.value, report)
        if now is None:
            return was.value.state
        watched = Work(messages=watching(self.store, now.project, now.id) if was.version == ABSENT else ())
        self._commit(self._ordering.run_moved(was, now) + self._noted(was.value, now, report) + watched)
        return now.state

    def _new(self, cluster: Cluster, report: Report) -> Versioned[Run]:
        found = EXPERIMENTS.load(self.store, cluster.project, report.experiment) if report.experiment else None
        manifest = found.value.manifest if found else None
        commit = report.commit or (found.value.commit if found else None)
        run = Run(
            id=report.run,
            project=cluster.project,
            experiment=report.experiment,
            cluster=cluster.id,
            state="queued",
            created_at=stamp(self.clock),
            updated_at=stamp(self.clock),
            cause="schedule",
            commit=commit,
            report_to=(commit,) if commit else (),
            pass_score=manifest.annotations.get(THRESHOLD) if manifest else None,
            namespaces=tuple(filter(None, namespaces(manifest))) if manifest else (),
            service_accounts=service_accounts(manifest) if manifest else (),
        )
        return Versioned(RUNS.key(cluster.project, report.run), run, ABSENT)

    def _noted(self, was: Run, now: Run, report: Report) -> Work:
        if not told(was, now):
            return Work()
        named = (("run", now.id), ("order", now.order), ("change", now.change), ("commit", now.commit))
        links = [(rel, record) for rel, record in named if record]
        detail = {"score": now.score, "faults": len(now.faults), "previous": was.state}
        return Work((self._row(now.project, now.experiment, report, links, detail),))

    def _row(
        self,
        project: str,
        experiment: str,
        report: Report,
        links: Sequence[tuple[str, str]],
        detail: dict[str, Any] | None = None,
    ) -> Put:
        said = {"state": report.state, "phase": report.phase, "verdict": report.verdict, "at": report.at}
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "report",
            verdict=report.state,
            reason=report.message or f"its cluster says {report.state}",
            subject=experiment,
            detail=said | (detail or {}),
            links=links,
        )
        return row

    def _commit(self, work: Work) -> None:
        self.store.commit(work.writes, work.messages)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)


@dataclass(frozen=True, slots=True)
class Reporting:
    """Answers `POST /reports/{cluster}`."""

    store: Store
    clock: Clock
    ids: Ids
    master: bytes
    heartbeats: Heartbeats

    def receive(self, call: Call) -> Answer:
        """Take a report or a heartbeat: 200 with the state that its run or order has now, or what is to be sent whole.

        Raises `Unauthenticated`, `BadInput`, and `NotFound` where the order is none of this cluster's.
        """
        cluster, _ = Keyring(self.store, self.clock, self.master).verified(call)
        said = read_report(call.body)
        if isinstance(said, Heartbeat):
            until_fresh(lambda: self._heard(cluster, said))
            asks = msgspec.to_builtins(self.heartbeats.asks(cluster))
            wanted = self.heartbeats.hear(cluster, said, continued(call.headers))
            return Answer(200, {"at": stamp(self.clock), "send": wanted, **asks})
        return Answer(200, {"state": Reports(self.store, self.clock, self.ids).take(cluster, said)})

    def _heard(self, cluster: Cluster, said: Heartbeat) -> None:
        was = PRESENCE.load_or(self.store, Presence(cluster.id, ""), cluster.project, cluster.id)
        at = stamp(self.clock)
        listed = was.value.listed | dict.fromkeys(said.listed, min(said.at, at))
        now = Presence(cluster.id, at, listed, _ahead(said.at, self.clock()))
        silent = not was.value.last_seen or self.clock() - datetime.fromisoformat(was.value.last_seen) > _SILENCE
        waiting = [message(self.ids, "dispatch", "resume", cluster=cluster.id)] if silent else []
        back = Reaches(self.store, self.clock, self.ids).heard(cluster) if silent else []
        self.store.commit([PRESENCE.replace(was, now), *back], waiting)


def _ahead(told: str, now: datetime) -> float:
    """Return by how many seconds a subscriber's clock is ahead of ours, if its heartbeat took no time to come."""
    return round((datetime.fromisoformat(told) - now).total_seconds(), 1)


def _order_after(order: Dispatched, run: RunState) -> Dispatched:
    """Return the order as a report on its run shows it: its cluster took it, whoever ended it here meanwhile."""
    state: OrderState = "done" if run in OVER else "taken"
    return order if state == order.state else msgspec.structs.replace(order, state=state, reason="", rule="")


def _settled_state(reported: RunState) -> OrderState:
    if reported not in OVER:
        return "taken"
    return "done" if reported in _DONE else "expired" if reported == "expired" else "refused"
