"""Watches runs under way by their project's stop conditions: a breach stops a run, and so does losing sight of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.errors import NotYet
from shared.model.messages import Message
from shared.model.projects import Safety
from shared.model.records import ABSENT
from shared.model.runs import Run
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.runs import OVER
from shared.rules.stop_conditions import judged
from shared.services.conditions import Conditions
from shared.services.ledger import stamp
from shared.services.portal_records import listed
from shared.services.stopping import Stopping
from shared.services.tables import ACTIVE, BLIND, ORDERS, PROJECTS, RUNS, STANDINGS

PAUSE: Final = 4.0
"""Seconds between two looks: with the monitor's own 3 and a second's old answer, a breach stops within ten."""

BLINDNESS: Final = timedelta(seconds=60)
"""How long a run may go on while a condition cannot be judged."""

_UNSENT: Final = frozenset({"held", "waiting"})
_UNWATCHED: Final = OVER | {"needs_attention"}
"""A run that needs attention was stopped or has ended, as far as we can bring that about."""


@dataclass(frozen=True, slots=True)
class Overseeing:
    """Looks at one run at a time; the look comes again, as the same message, for as long as the run is open."""

    store: Store
    clock: Clock
    ids: Ids
    conditions: Conditions

    def watch(self, asked: Message) -> None:
        """Look at a run (message `dispatch/watch`): `NotYet` has it looked at again, until it is over or stopped."""
        project, name = asked.ids["project"], asked.ids["run"]
        run, safety = self._watched(project, name), self._safety(project)
        why = self._why(run, safety) if run and safety else None
        if run and safety and not why:
            raise NotYet(f"run {name} is watched", PAUSE)
        if run and why:
            self._stopping.breach(run, why)
        self.store.commit([BLIND.delete(project, name)])

    def _watched(self, project: str, name: str) -> Run | None:
        """Return the run if it is under way and was not stopped by us before."""
        run = RUNS.load(self.store, project, name)
        if run is None or run.value.state in _UNWATCHED or self._stopping.breached(run.value):
            return None
        order = ORDERS.load(self.store, run.value.cluster, run.value.order) if run.value.order else None
        return None if order and order.value.state in _UNSENT else run.value

    def _safety(self, project: str) -> Safety | None:
        found = PROJECTS.load(self.store, project)
        return found.value.safety if found and found.value.safety.stop_conditions else None

    def _why(self, run: Run, safety: Safety) -> Refusal | None:
        """Return why to stop the run: a breach, or that nothing could be judged for too long."""
        refusal = judged(self.conditions.readings(safety, run.cluster))
        if refusal and refusal.wait:
            return self._blind(run, refusal)
        if refusal is None and BLIND.load(self.store, run.project, run.id):
            self.store.commit([BLIND.delete(run.project, run.id)])
        return refusal

    def _blind(self, run: Run, refusal: Refusal) -> Refusal | None:
        since = BLIND.load_or(self.store, stamp(self.clock), run.project, run.id)
        if since.version == ABSENT:
            self.store.commit([BLIND.put(since.value, run.project, run.id)])
        if self.clock() - datetime.fromisoformat(since.value) < BLINDNESS:
            return None
        return msgspec.structs.replace(refusal, reason=f"since {since.value} {refusal.reason}", wait=False)

    @property
    def _stopping(self) -> Stopping:
        return Stopping(self.store, self.clock, self.ids)


def watching(store: Store, project: str, run: str) -> tuple[Message, ...]:
    """Return the message that has a run watched, none where the project has no stop conditions.

    Its id is always the same, so that a run is watched once, however often that is asked for.
    """
    found = PROJECTS.load(store, project)
    if found is None or not found.value.safety.stop_conditions:
        return ()
    return (Message(f"watch-{project}-{run}", "dispatch", "watch", {"project": project, "run": run}, PAUSE),)


def under_way(store: Store, cluster: str) -> Iterator[str]:
    """Yield the runs of a cluster that were let go, or had no order, and are not over."""
    states = {row.value.run: row.value.state for row in listed(store, STANDINGS, cluster)}
    for row in listed(store, ACTIVE, cluster):
        if row.value.state not in _UNWATCHED and states.get(row.value.run) not in _UNSENT:
            yield row.value.run
