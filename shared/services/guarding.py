"""Asks the rules of safety about an order, with all that they need to know read from the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.model.orders import Dispatched
from shared.model.projects import Cluster, Project
from shared.model.records import Key
from shared.model.runs import Active, Recent
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.facts import Facts, Refusal
from shared.rules.safety import refuse
from shared.services.conditions import Conditions
from shared.services.portal_records import listed
from shared.services.tables import ACTIVE, CLUSTERS, COOLDOWNS, PROJECTS, RECENT, STANDINGS

_LET_GO: Final = frozenset({"ready", "taken"})
_STARTING: Final = frozenset({"run", "prove"})


@dataclass(frozen=True, slots=True)
class Guarding:
    """Judges orders at dispatch."""

    store: Store
    clock: Clock

    def refusal(self, order: Dispatched, *, observing: bool = False) -> Refusal | None:
        """Return why the order may not go, or not yet; what starts nothing may.

        With `observing` the answer is what it would be if the project enforced.
        """
        project = PROJECTS.load(self.store, order.project)
        cluster = CLUSTERS.load(self.store, order.cluster)
        if project is None or cluster is None or cluster.value.project != order.project:
            return Refusal("routing", f"cluster {order.cluster} does not belong to project {order.project} any more")
        if order.action not in _STARTING:
            return _unsuspended(order, project.value, cluster.value)
        off = None if observing else _observed(project.value)
        return off or refuse("dispatch", self._facts(order, project.value, cluster.value))

    def monitored(self, order: Dispatched, conditions: Conditions) -> Refusal | None:
        """Return what the project's stop conditions have against an order; nothing else calls out, so ask this last."""
        project, cluster = PROJECTS.load(self.store, order.project), CLUSTERS.load(self.store, order.cluster)
        if project is None or cluster is None or order.action != "run" or not project.value.safety.stop_conditions:
            return None
        readings = conditions.readings(project.value.safety, order.cluster)
        facts = self._facts(order, project.value, cluster.value)
        return refuse("dispatch", msgspec.structs.replace(facts, readings=readings))

    def _facts(self, order: Dispatched, project: Project, cluster: Cluster) -> Facts:
        bounds, starts = order.bounds, order.action == "run"
        return Facts(
            self.clock(),
            project.safety,
            cluster.id,
            order.experiment,
            project_freeze=project.freeze,
            cluster_freeze=cluster.freeze,
            subject=bounds.subject,
            last=self._last(order),
            triggered_at=bounds.triggered_at,
            cooldown=bounds.cooldown,
            windows=bounds.windows,
            recent=self._recent(order) if bounds.triggered_at else Recent(),
            active=self._others(order) if starts else (),
            namespaces=bounds.namespaces,
            faults=bounds.faults,
            not_after=order.not_after,
            approved=order.approval is not None or not starts,
        )

    def _recent(self, order: Dispatched) -> Recent:
        return RECENT.load_or(self.store, Recent(), order.project).value

    def _last(self, order: Dispatched) -> str | None:
        key = cooling(order)
        found = self.store.get(key) if key else None
        return COOLDOWNS.read(found).value if found else None

    def _others(self, order: Dispatched) -> tuple[Active, ...]:
        """Return the runs that hold a place: those whose order was let go, and those that had none.

        Orders are read before runs: one that ends in between takes its run with it, and would seem to have had none.
        """
        if not any(self._runs_beside(order)):
            return ()
        states = {row.value.run: row.value.state for row in listed(self.store, STANDINGS, order.cluster)}
        return tuple(run for run in self._runs_beside(order) if states.get(run.run, "taken") in _LET_GO)

    def _runs_beside(self, order: Dispatched) -> Iterator[Active]:
        active = (row.value for row in listed(self.store, ACTIVE, order.cluster))
        return (run for run in active if run.run != order.run)


def cooling(order: Dispatched) -> Key | None:
    """Return where it is kept when the workload of an order triggered its experiment last."""
    if not order.bounds.subject:
        return None
    return COOLDOWNS.key(order.project, f"{order.cluster}/{order.bounds.subject}/{order.experiment}")


def _unsuspended(order: Dispatched, project: Project, cluster: Cluster) -> Refusal | None:
    """Return why a schedule is not installed to go on by now; another order is about to take the place of this one."""
    if order.action != "install" or order.parameters.get("suspend"):
        return None
    if project.freeze or cluster.freeze:
        return Refusal("freeze", f"no schedule goes on under the freeze of cluster {order.cluster}", wait=True)
    off = _observed(project)
    return off and Refusal(off.rule, off.reason, wait=True)


def _observed(project: Project) -> Refusal | None:
    gitops = project.gitops
    if gitops and gitops.enabled and gitops.mode == "enforce":
        return None
    off = "it observes" if gitops and gitops.enabled else "its GitOps is off"
    return Refusal("mode", f"nothing starts in project {project.id}, since {off}: set mode to enforce")
