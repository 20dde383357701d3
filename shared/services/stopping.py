"""Stops runs: what was not let go ends here, anything else is told to stop by an order of its own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.orders import Dispatched
from shared.model.runs import Run, RunState
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import stop_order
from shared.rules.facts import Refusal
from shared.rules.runs import OVER
from shared.services.attempts import until_fresh
from shared.services.ledger import stamp
from shared.services.ordering import Ordering, Work
from shared.services.tables import OPEN_ORDERS, ORDERS, RUNS, Versioned


@dataclass(frozen=True, slots=True)
class _Cause:
    """Who stops a run, and for which rule's sake."""

    by: str
    why: Refusal | None = None

    @property
    def rule(self) -> str:
        return self.why.rule if self.why else ""

    @property
    def told(self) -> str:
        return f": {self.why.reason}" if self.why else ""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Ends runs on a person's word, or a stop condition's."""

    store: Store
    clock: Clock
    ids: Ids

    def stop(self, project: str, run: str, by: str) -> Run:
        """Stop a run and return it: `NotFound`, or `Conflict` if it is over."""
        until_fresh(lambda: self._stop(project, run, _Cause(by)))
        return self._run(project, run)

    def breach(self, run: Run, why: Refusal) -> None:
        """Stop a run for a rule's sake, by one order however often that is asked; one that is over stays as it is."""
        with suppress(Conflict):
            until_fresh(lambda: self._stop(run.project, run.id, _Cause("a stop condition", why)))

    def breached(self, run: Run) -> bool:
        """Whether the run was stopped for a rule's sake before."""
        return ORDERS.load(self.store, run.cluster, _by_rule(run)) is not None

    def _stop(self, project: str, name: str, cause: _Cause) -> None:
        run = self._run(project, name)
        if run.state in OVER:
            raise Conflict(f"run {name} is {run.state}: there is nothing to stop")
        order = ORDERS.load(self.store, run.cluster, run.order) if run.order else None
        work = self._dropped(order, cause) + self._told(run, order, cause)
        self.store.commit(work.writes, work.messages)

    def _dropped(self, order: Versioned[Dispatched] | None, cause: _Cause) -> Work:
        """End an order that no report has come for; one that may be under way all the same is told to stop, too."""
        if order is None or order.value.state not in {"held", "waiting", "ready"}:
            return Work()
        refusal = Refusal(cause.rule or "stopped", f"{cause.by} stopped it before it started{cause.told}")
        ended: RunState = "skipped" if order.value.state == "ready" else "stopped"
        return Ordering(self.store, self.clock, self.ids).ended(order, "refused", refusal, ended)

    def _told(self, run: Run, order: Versioned[Dispatched] | None, cause: _Cause) -> Work:
        asked = self.store.query(OPEN_ORDERS.partition(run.cluster), prefix=f"{run.id}-stop-", limit=1)
        if asked or (order and order.value.state in {"held", "waiting"}):
            return Work()
        identity = _by_rule(run) if cause.rule else f"{run.id}-stop-{self.ids()}"
        parent = order.value.traceparent if order else ""
        stop = msgspec.structs.replace(stop_order(run, identity, stamp(self.clock), parent), rule=cause.rule)
        return Ordering(self.store, self.clock, self.ids).made(stop, None, f"{cause.by} stops run {run.id}{cause.told}")

    def _run(self, project: str, name: str) -> Run:
        found = RUNS.load(self.store, project, name)
        if found is None:
            raise NotFound(f"no run {name!r} in project {project!r}")
        return found.value


def _by_rule(run: Run) -> str:
    return f"{run.id}-stop-condition"
