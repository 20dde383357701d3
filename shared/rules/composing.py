"""What goes into an order and its run, once it is known what starts where; one cause always makes the same ones."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from shared.model.experiments import Experiment, Manifest
from shared.model.orders import Action, Bounds, Dispatched, Guard, Target
from shared.model.runs import Active, Run
from shared.model.schedules import Wanted
from shared.model.times import written
from shared.model.triggers import Trigger
from shared.rules.durations import seconds
from shared.rules.routing import namespaces, service_accounts
from shared.rules.tracing import traceparent
from shared.rules.verdicts import THRESHOLD

STOP_WITHIN: Final = timedelta(days=7)
"""How long an order to stop a run is worth delivering."""

NEVER: Final = "9999-12-31T00:00:00.000Z"
"""When an order expires that is as good on the day its cluster is back."""

_WAIT: Final = "10m"


class Start(msgspec.Struct, frozen=True):
    """One experiment that starts: `cause` is `change`, `push` or `person`, `id` the change's, or a new one.

    `at` is when that was decided and `expiry` how long it is worth starting after that. `traceparent` is the trace
    context of the call that caused it, empty where that bore none. `came_at` is when what caused it came (RFC 3339
    UTC), where that is known and was before `at`.
    """

    id: str
    project: str
    cause: str
    at: str
    expiry: str
    experiment: Experiment
    trigger: Trigger | None = None
    traceparent: str = ""
    came_at: str = ""

    @property
    def manifest(self) -> Manifest:
        """The experiment's manifest; an experiment that has none starts nothing."""
        return self.experiment.manifest or Manifest("Workflow", self.experiment.name)

    @property
    def origin(self) -> str | None:
        """The cluster of the changed workload."""
        return self.trigger.workload.cluster if self.trigger else None

    @property
    def subject(self) -> str | None:
        """The changed workload, as the ledger names it."""
        return self.trigger.workload.subject if self.trigger else None

    @property
    def until(self) -> str:
        """When it is too late to start it."""
        return _until(self.at, self.expiry)


def order_id(cause: str, *parts: str) -> str:
    """Return the id of the one order that `cause` makes for these parts; it sorts by the cause's time."""
    return f"{cause}-{_hash(*parts)[:12]}"


def run_order(start: Start, cluster: str, now: str, after: str | None = None) -> Dispatched:
    """Return the order that starts the experiment on a cluster, held where it comes `after` a proof at the origin."""
    identity = order_id(start.id, start.experiment.id, cluster)
    return Dispatched(
        id=identity,
        project=start.project,
        experiment=start.experiment.id,
        cluster=cluster,
        action="run",
        created_at=now,
        not_after=start.until,
        state="held" if after else "waiting",
        rule="proof" if after else "",
        reason=f"cluster {start.origin} has to prove the change first" if after else "",
        blob=start.experiment.blob,
        run=identity,
        guard=_guard(start) if start.origin == cluster else None,
        change=start.id if start.trigger else None,
        after=after,
        origin=start.origin,
        traceparent=traceparent(start.id, identity, start.traceparent),
        bounds=_bounds(start),
        parameters=_parameters(start, cluster, identity),
    )


def prove_order(start: Start, origin: str, now: str) -> Dispatched:
    """Return the order by which the origin proves the change, before it starts anything on another cluster."""
    identity = order_id(start.id, "prove", start.experiment.id, origin)
    return Dispatched(
        id=identity,
        project=start.project,
        experiment=start.experiment.id,
        cluster=origin,
        action="prove",
        created_at=now,
        not_after=start.until,
        state="waiting",
        guard=_guard(start),
        change=start.id,
        traceparent=traceparent(start.id, identity, start.traceparent),
        bounds=_bounds(start),
    )


def stop_order(run: Run, identity: str, now: str, parent: str = "") -> Dispatched:
    """Return an order that stops a run, in the trace of the order that began it (`parent`)."""
    return Dispatched(
        id=identity,
        project=run.project,
        experiment=run.experiment,
        cluster=run.cluster,
        action="stop",
        created_at=now,
        not_after=_later(now, STOP_WITHIN),
        state="waiting",
        change=run.change,
        traceparent=traceparent(run.id, identity, parent),
        parameters={"run": run.id},
    )


def schedule_order(  # noqa: PLR0913, PLR0917 - an order's columns
    project: str,
    experiment: str,
    cluster: str,
    action: Action,
    wanted: Wanted,
    identity: str,
    now: str,
    parent: str = "",
) -> Dispatched:
    """Return an order that installs a schedule on a cluster, or removes it, in the trace of what asks (`parent`)."""
    named = {"infra_id": cluster, "workflow_id": experiment, "revision": wanted.commit}
    return Dispatched(
        id=identity,
        project=project,
        experiment=experiment,
        cluster=cluster,
        action=action,
        created_at=now,
        not_after=NEVER,
        state="waiting",
        blob=wanted.blob or None,
        traceparent=traceparent(identity, identity, parent),
        parameters=named | {"suspend": wanted.suspend},
    )


def run_of(start: Start, order: Dispatched) -> Run:
    """Return the run that an order is to become."""
    commits = start.trigger.commits if start.trigger else ()
    return Run(
        id=order.id,
        project=start.project,
        experiment=start.experiment.id,
        cluster=order.cluster,
        state="waiting" if order.after else "queued",
        message=order.reason,
        created_at=order.created_at,
        updated_at=order.created_at,
        cause=start.cause,
        order=order.id,
        commit=start.experiment.commit,
        change=order.change,
        workload=order.bounds.subject,
        namespaces=tuple(filter(None, order.bounds.namespaces)),
        service_accounts=service_accounts(start.manifest),
        report_to=tuple(dict.fromkeys((start.experiment.commit, *commits))),
        pass_score=start.manifest.annotations.get(THRESHOLD),
        triggered_at=start.came_at or start.at,
    )


def active_of(run: Run) -> Active:
    """Return what the rules that count runs need of one."""
    return Active(
        run=run.id,
        project=run.project,
        experiment=run.experiment,
        state=run.state,
        workload=run.workload,
        namespaces=run.namespaces,
        service_accounts=run.service_accounts,
        begun_at=run.begun_at,
    )


def _guard(start: Start) -> Guard | None:
    if start.trigger is None:
        return None
    workload = start.trigger.workload
    target = Target(workload.kind, workload.namespace, workload.name)
    wait = start.trigger.waits.get(start.experiment.id, _WAIT)
    return Guard(target, start.trigger.uid, start.trigger.changed, wait)


def _bounds(start: Start) -> Bounds:
    faults = tuple(dict.fromkeys(fault.name for fault in start.manifest.faults))
    bounds = Bounds(namespaces=namespaces(start.manifest), faults=faults)
    if start.trigger is None:
        return msgspec.structs.replace(bounds, triggered_at=start.at if start.cause == "push" else None)
    return msgspec.structs.replace(
        bounds,
        subject=start.subject,
        triggered_at=start.at,
        cooldown=start.trigger.cooldowns.get(start.experiment.id),
        windows=start.trigger.windows.get(start.experiment.id, ()),
    )


def _parameters(start: Start, cluster: str, run: str) -> dict[str, Any]:
    return {
        "run": run,
        "infra_id": cluster,
        "workflow_id": start.experiment.id,
        "revision": start.experiment.commit,
        "kind": start.manifest.kind,
        "cause": start.cause,
    }


@lru_cache(16)
def _until(at: str, expiry: str) -> str:
    """Return the same for each of the many orders of one start."""
    return _later(at, timedelta(seconds=seconds(expiry)))


def _later(at: str, span: timedelta) -> str:
    return written(datetime.fromisoformat(at) + span)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
