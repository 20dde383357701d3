"""What is to be installed of an experiment with a schedule of its own: where, which text, and whether it may start now.

Nothing here remembers how things came to be as they are: from the experiment at git's head, the settings and what was
ordered last it follows what is to be ordered next, so that whatever was lost or came twice, the clusters end the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.experiments import Experiment, Manifest, Schedule
from shared.model.orders import Dispatched
from shared.model.projects import Cluster, GitOps, Project
from shared.model.schedules import SCHEDULED, Doing, Placed, Scheduled, Wanted
from shared.rules.acceptance import word
from shared.rules.concurrency import APPROVAL
from shared.rules.facts import Facts, Refusal
from shared.rules.pushing import wished
from shared.rules.routing import CLUSTERS, Targets, chosen, namespaces
from shared.rules.safety import refuse
from shared.rules.standing import unfit

AGAIN: Final = timedelta(hours=1)
"""After which an order is given anew that its cluster did not carry out, or took and never spoke of again."""

FAILED: Final = frozenset({"refused", "expired"})
"""States of an order that its cluster did not carry out."""

_NOTHING: Final = Manifest("CronWorkflow", "")


class Case(msgspec.Struct, frozen=True):
    """An experiment, with all that decides about its schedule; `clusters` are all of the project's."""

    project: Project
    experiment: Experiment | None
    record: Scheduled
    clusters: tuple[Cluster, ...]
    now: datetime

    @property
    def gitops(self) -> GitOps | None:
        """The project's settings while GitOps is on."""
        return self.project.gitops if self.project.gitops and self.project.gitops.enabled else None

    @property
    def manifest(self) -> Manifest:
        """What the file says, as far as it can be read."""
        return (self.experiment and self.experiment.manifest) or _NOTHING

    def installed_on(self, cluster: Cluster) -> Placed | None:
        """Return what a cluster was ordered to install, None where that is nothing or was undone."""
        found = self.record.clusters.get(cluster.id)
        return found if found and found.action == "install" and found.version == cluster.registered_as else None


class Aim(msgspec.Struct, frozen=True):
    """What is to be installed, by cluster, and why it is not more than that."""

    wanted: dict[str, Wanted] = {}
    why: tuple[Refusal, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One order that is due."""

    cluster: Cluster
    action: Doing
    wanted: Wanted


class Standing(msgspec.Struct, frozen=True):
    """How a schedule is shown, and why; `failed` says that a cluster did not do what it was ordered."""

    schedule: Schedule | None = None
    reason: str | None = None
    failed: bool = False


def aim(case: Case) -> Aim:
    """Return what is to be installed now."""
    experiment = case.experiment
    refusal = _unwanted(case)
    if refusal or experiment is None:
        return Aim(why=(refusal,) if refusal else ())
    unread = unfit(experiment, experiment.id)
    if unread and not (unread.wait and experiment.manifest):
        return Aim(_halted(case), (unread,))
    if refusal := _unasked(case):
        return Aim(why=(refusal,))
    routed = _routed(case)
    judged = {one.id: _judged(case, one, experiment) for one in case.clusters if one.id in routed.clusters}
    why = dict.fromkeys((*routed.refusals, *(no for _, no in judged.values() if no)))
    return Aim({name: wanted for name, (wanted, _) in judged.items() if wanted}, tuple(why))


def settled(case: Case, orders: Mapping[str, Dispatched]) -> tuple[dict[str, Placed], tuple[str, ...]]:
    """Return what was ordered, with what has come of it by now, and the clusters that went without removing theirs.

    `orders` are those that the record names, by id.
    """
    versions = {cluster.id: cluster.registered_as for cluster in case.clusters}
    kept, lost = {}, []
    for name, was in case.record.clusters.items():
        done = was.order in orders and orders[was.order].state == "done"
        if done and was.action == "remove":
            continue
        if versions.get(name) != was.version:
            lost.append(name)
        elif done:
            kept[name] = msgspec.structs.replace(was, standing="suspended" if was.wanted.suspend else "installed")
        else:
            kept[name] = was
    return kept, tuple(lost)


def due(case: Case, goal: Aim, placed: Mapping[str, Placed], orders: Mapping[str, Dispatched]) -> list[Step]:
    """Return the orders that bring the clusters to what is wanted."""
    steps = []
    for cluster in case.clusters:
        was, wanted = placed.get(cluster.id), goal.wanted.get(cluster.id)
        action: Doing = "install" if wanted else "remove"
        same = was is not None and (was.action, was.wanted) == (action, wanted or Wanted())
        overdue = same and was is not None and _overdue(orders.get(was.order), case.now)
        if (wanted or was) and (not same or overdue):
            steps.append(Step(cluster, action, wanted or Wanted()))
    return steps


def stand(case: Case, goal: Aim, placed: Mapping[str, Placed], orders: Mapping[str, Dispatched]) -> Standing:
    """Return how the schedule is to be shown."""
    if case.experiment is None or case.experiment.kind not in SCHEDULED:
        return Standing()
    failures = [
        f"cluster {name}: {orders[one.order].reason}"
        for name, one in sorted(placed.items())
        if one.order in orders and orders[one.order].state in FAILED
    ]
    schedule = _shown({one.standing for one in placed.values()})
    ordered = [f"ordered on cluster {name}, which has not answered" for name in placed] if schedule == "waiting" else []
    told = failures or [refusal.reason for refusal in goal.why] or ordered
    return Standing(schedule, "; ".join(told) or None, bool(failures))


def _unwanted(case: Case) -> Refusal | None:
    """Return why nothing of the experiment may be installed, whatever its file says."""
    experiment = case.experiment
    if case.gitops is None:
        return Refusal("mode", "GitOps is off for the project")
    if experiment is None or experiment.kind not in SCHEDULED or not experiment.commit:
        return Refusal("experiment", "git has no such schedule: only what is at the branch's head is installed")
    if not case.record.accepted:
        return Refusal("acceptance", f"it waits until someone accepts it: {word(case.project.id, experiment.id)}")
    return None


def _unasked(case: Case) -> Refusal | None:
    """Return why a ChaosSchedule that starts the moment it is installed is not: it starts by a push, if by anything."""
    setting = case.gitops.run_on_push if case.gitops else "never"
    if "now" not in case.manifest.schedules or case.manifest.kind != "ChaosSchedule":
        return None
    if wished(setting, case.manifest) != "never":
        return None
    why = "it would start the moment it is installed, and run_on_push is never: say new or changed"
    return Refusal("run on push", why)


def _halted(case: Case) -> dict[str, Wanted]:
    """Return what is installed, suspended: what git holds now may not run, and what it held before is the past."""
    there = {cluster.id: case.installed_on(cluster) for cluster in case.clusters}
    return {name: msgspec.structs.replace(one.wanted, suspend=True) for name, one in there.items() if one}


def _routed(case: Case) -> Targets:
    """Return the clusters that the file names, else the only one; what was installed there stays when more come."""
    infra_ids = case.gitops.infra_ids if case.gitops else {}
    routed = chosen(case.manifest, (), case.clusters, infra_ids)
    if CLUSTERS in case.manifest.annotations or case.manifest.infra_id is not None or routed.clusters:
        return routed
    return Targets(tuple(one.id for one in case.clusters if case.installed_on(one)), routed.refusals)


def _judged(case: Case, cluster: Cluster, experiment: Experiment) -> tuple[Wanted | None, Refusal | None]:
    """Return what is wanted on a cluster, and what keeps it from starting anything, or from being there."""
    observes = case.gitops is not None and case.gitops.mode == "observe"
    if barred := refuse("dispatch", _facts(case, cluster, standing=False)):
        return _barred(case, cluster, barred)
    if observes and not case.installed_on(cluster):
        return None, Refusal("mode", f"it would be installed on cluster {cluster.id}; the project observes")
    paused = refuse("dispatch", _facts(case, cluster, standing=True))
    if observes:
        paused = Refusal("mode", "what is installed is suspended, since the project observes")
    elif paused and paused.rule == "windows":
        paused = Refusal("windows", "it is suspended outside the project's windows")
    return Wanted(experiment.blob, experiment.commit, paused is not None), paused


def _barred(case: Case, cluster: Cluster, refusal: Refusal) -> tuple[Wanted | None, Refusal]:
    """Return what is wanted of what may not be there: nothing, or that it waits, suspended, for a person's approval."""
    if refusal.rule != APPROVAL or case.experiment is None:
        return None, refusal
    told = Refusal(APPROVAL, f"{refusal.reason}: {word(case.project.id, case.experiment.id)}", wait=True)
    there = case.installed_on(cluster)
    return (msgspec.structs.replace(there.wanted, suspend=True) if there else None), told


def _facts(case: Case, cluster: Cluster, *, standing: bool) -> Facts:
    """Return what safety judges: with `standing` also what is only so for a while."""
    safety, manifest = case.project.safety, case.manifest
    return Facts(
        case.now,
        safety if standing else msgspec.structs.replace(safety, windows=()),
        cluster.id,
        case.experiment.id if case.experiment else "",
        project_freeze=case.project.freeze if standing else None,
        cluster_freeze=cluster.freeze if standing else None,
        namespaces=namespaces(manifest),
        faults=tuple(dict.fromkeys(fault.name for fault in manifest.faults)),
        approved=case.experiment is not None and case.record.approved == case.experiment.blob,
    )


def _overdue(order: Dispatched | None, now: datetime) -> bool:
    if order is None:
        return True
    unsettled = order.state in FAILED or order.state == "taken"
    return unsettled and now - datetime.fromisoformat(order.created_at) > AGAIN


def _shown(standings: Collection[Schedule | None]) -> Schedule:
    if "installed" in standings:
        return "installed"
    return "suspended" if "suspended" in standings else "waiting"
