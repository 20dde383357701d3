"""Stops runs: what was not let go ends here, anything else is told to stop by an order of its own."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Conflict, NotFound
from shared.model.orders import Dispatched
from shared.model.runs import Run, RunState
from shared.ports import Clock, Ids, Store
from shared.rules.composing import stop_order
from shared.rules.facts import Refusal
from shared.rules.runs import OVER
from shared.services.attempts import until_fresh
from shared.services.ledger import stamp
from shared.services.ordering import Ordering, Work
from shared.services.tables import OPEN_ORDERS, ORDERS, RUNS, Versioned


@dataclass(frozen=True, slots=True)
class Stopping:
    """Ends runs on a person's word."""

    store: Store
    clock: Clock
    ids: Ids

    def stop(self, project: str, run: str, by: str) -> Run:
        """Stop a run and return it: `NotFound`, or `Conflict` if it is over."""
        until_fresh(lambda: self._stop(project, run, by))
        return self._run(project, run)

    def _stop(self, project: str, name: str, by: str) -> None:
        run = self._run(project, name)
        if run.state in OVER:
            raise Conflict(f"run {name} is {run.state}: there is nothing to stop")
        order = ORDERS.load(self.store, run.cluster, run.order) if run.order else None
        work = self._dropped(order, by) + self._told(run, order, by)
        self.store.commit(work.writes, work.messages)

    def _dropped(self, order: Versioned[Dispatched] | None, by: str) -> Work:
        """End an order that no report has come for; one that may be under way all the same is told to stop, too."""
        if order is None or order.value.state not in {"held", "waiting", "ready"}:
            return Work()
        refusal = Refusal("stopped", f"{by} stopped it before it started")
        ended: RunState = "skipped" if order.value.state == "ready" else "stopped"
        return Ordering(self.store, self.clock, self.ids).ended(order, "refused", refusal, ended)

    def _told(self, run: Run, order: Versioned[Dispatched] | None, by: str) -> Work:
        asked = self.store.query(OPEN_ORDERS.partition(run.cluster), prefix=f"{run.id}-stop-", limit=1)
        if asked or (order and order.value.state in {"held", "waiting"}):
            return Work()
        stop = stop_order(run, f"{run.id}-stop-{self.ids()}", stamp(self.clock))
        return Ordering(self.store, self.clock, self.ids).made(stop, None, f"{by} stops run {run.id}")

    def _run(self, project: str, name: str) -> Run:
        found = RUNS.load(self.store, project, name)
        if found is None:
            raise NotFound(f"no run {name!r} in project {project!r}")
        return found.value
