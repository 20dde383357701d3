"""Keeps installed what git holds of schedules: what clusters were ordered is compared with what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from shared.model.experiments import Experiment
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster, Project
from shared.model.records import ABSENT, Check, Delete, Put
from shared.model.schedules import Placed, Scheduled
from shared.model.traces import NAME
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import schedule_order
from shared.rules.facts import Refusal
from shared.rules.schedules import Aim, Case, Step, aim, due, settled, stand
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger, stamp
from shared.services.ordering import OPEN, Ordering, Work
from shared.services.portal_records import listed
from shared.services.tables import (
    EXPERIMENTS,
    MEMBERS,
    ORDERS,
    PROJECTS,
    SCHEDULES,
    Versioned,
    unchanged,
)

_AT_ONCE: Final = 8
"""Orders a commit: each takes up to nine of its hundred items."""


class _Sight(msgspec.Struct, frozen=True):
    """All that decides about one schedule, as it was read; `orders` are those that its record names, by id.

    `traceparent` is the trace in which it was asked for.
    """

    project: Versioned[Project]
    experiment: Versioned[Experiment] | None
    record: Versioned[Scheduled]
    members: dict[str, Versioned[Cluster]]
    case: Case
    orders: dict[str, Versioned[Dispatched]]
    traceparent: str


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Looks at schedules as often as one likes: what is as it is wanted is left alone."""

    store: Store
    clock: Clock
    ids: Ids

    def look(self, asked: Message) -> None:
        """Order what is due of one schedule, or of all of a project (message `dispatch/schedule`)."""
        project, one = asked.ids["project"], asked.ids.get("experiment")
        for name in [one] if one else [row.key.sort for row in listed(self.store, SCHEDULES, project)]:
            while until_fresh(partial(self._look, project, name, asked.ids.get(NAME, ""))):
                pass

    def _look(self, project: str, name: str, traceparent: str) -> bool:
        """Order what is due; return whether more is due than one commit holds."""
        sight = self._sight(project, name, traceparent)
        if sight is None:
            return False
        orders = {order: found.value for order, found in sight.orders.items()}
        placed, lost = settled(sight.case, orders)
        goal = aim(sight.case)
        steps = due(sight.case, goal, placed, orders)
        work = self._lost(project, name, lost)
        for step in steps[:_AT_ONCE]:
            placed[step.cluster.id], more = self._ordered(sight, name, step, placed.get(step.cluster.id))
            work += more
        work += self._shown(sight, goal, placed) + self._recorded(sight, placed)
        if work.writes:
            self.store.commit([*work.writes, *_checks(sight, work, steps[:_AT_ONCE])], work.messages)
        return len(steps) > _AT_ONCE

    def _sight(self, project: str, name: str, traceparent: str) -> _Sight | None:
        found = PROJECTS.load(self.store, project)
        if found is None:
            return None
        experiment = EXPERIMENTS.load(self.store, project, name)
        record = SCHEDULES.load_or(self.store, Scheduled(), project, name)
        members = {row.value.id: row for row in listed(self.store, MEMBERS, project)}
        named = [ORDERS.key(cluster, one.order) for cluster, one in record.value.clusters.items()]
        orders = map(ORDERS.read, self.store.get_many(named).values()) if named else ()
        case = Case(
            found.value,
            experiment.value if experiment else None,
            record.value,
            tuple(row.value for row in members.values()),
            self.clock(),
        )
        named_orders = {one.value.id: one for one in orders}
        return _Sight(found, experiment, record, members, case, named_orders, traceparent)

    def _ordered(self, sight: _Sight, name: str, step: Step, was: Placed | None) -> tuple[Placed, Work]:
        """Return the order of a step, in place of the last one if that has not come to its end."""
        fresh, last = self.ids(), was.order if was else ""
        identity = fresh if fresh > last else f"{last}-1"
        project, cluster = sight.case.project.id, step.cluster
        order = schedule_order(
            project, name, cluster.id, step.action, step.wanted, identity, stamp(self.clock), sight.traceparent
        )
        how = "removed" if step.action == "remove" else "installed, suspended" if step.wanted.suspend else "installed"
        reason = f"the schedule of {_name(sight, name)} is to be {how} on cluster {cluster.id}"
        work = self._ordering.made(order, None, reason)
        former = sight.orders.get(last)
        if former and former.value.state in OPEN:
            work += self._ordering.ended(former, "superseded", Refusal("superseded", f"by now {reason}"))
        placed = Placed(identity, step.action, cluster.registered_as, step.wanted, was.standing if was else None)
        return placed, work

    def _shown(self, sight: _Sight, goal: Aim, placed: dict[str, Placed]) -> Work:
        """Return what the experiment shows, where that changes, and the ledger's row that says why."""
        if sight.experiment is None:
            return Work()
        was = sight.experiment.value
        found = stand(sight.case, goal, placed, {name: one.value for name, one in sight.orders.items()})
        now = msgspec.structs.replace(
            was, schedule=found.schedule, schedule_reason=found.reason, schedule_failed=found.failed
        )
        if now == was:
            return Work()
        write = EXPERIMENTS.replace(sight.experiment, msgspec.structs.replace(now, updated_at=stamp(self.clock)))
        if found.reason is None or found.reason == was.schedule_reason:
            return Work((write,))
        return Work((write, self._row(sight.case.project.id, was, found.schedule or "", found.reason)))

    def _recorded(self, sight: _Sight, placed: dict[str, Placed]) -> Work:
        """Return the write of the record where it changes; what git and clusters lack is forgotten."""
        was = sight.record
        on = sight.case.gitops is not None
        now = Scheduled(was.value.accepted and on, placed, was.value.approved if on else "")
        if sight.experiment is None and not placed:
            return Work((Delete(was.key, was.version),)) if was.version else Work()
        return Work() if now == was.value else Work((SCHEDULES.replace(was, now),))

    def _lost(self, project: str, name: str, clusters: Sequence[str]) -> Work:
        if not clusters:
            return Work()
        reason = f"forgotten: {', '.join(clusters)}; what was installed there is for somebody there to remove"
        links = [("experiment", name), *(("cluster", cluster) for cluster in clusters)]
        _, row = self._ledger.row(project, "order", verdict="lost", reason=reason, subject=name, links=links)
        return Work((row,))

    def _row(self, project: str, experiment: Experiment, verdict: str, reason: str) -> Put:
        links = [("experiment", experiment.id), ("commit", experiment.commit)]
        _, row = self._ledger.row(
            project,
            "order",
            verdict=verdict,
            reason=reason,
            subject=experiment.id,
            detail={"action": "install"},
            links=[(rel, record) for rel, record in links if record],
        )
        return row

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.clock, self.ids)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)


def _name(sight: _Sight, name: str) -> str:
    return sight.experiment.value.name if sight.experiment else name


def _checks(sight: _Sight, work: Work, steps: Sequence[Step]) -> list[Check]:
    """Return the conditions under which what was decided still stands, for all that is not written anyway."""
    key = EXPERIMENTS.key(sight.case.project.id, sight.record.key.sort)
    experiment = unchanged(sight.experiment) if sight.experiment else Check(key, ABSENT)
    clusters = (unchanged(sight.members[step.cluster.id]) for step in steps)
    written = {write.key for write in work.writes}
    checks = (unchanged(sight.project), experiment, unchanged(sight.record), *clusters)
    return [check for check in checks if check.key not in written]
