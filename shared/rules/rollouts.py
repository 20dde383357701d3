"""Whether a workload has become what its spec asks for, read from the numbers that its controller reports.

Source of the numbers: the Kubernetes API reference, `DeploymentStatus`, `StatefulSetStatus`, `DaemonSetStatus`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Json = Mapping[str, Any]


class Ready(msgspec.Struct, frozen=True):
    """The rollout is over; `reason` says so in numbers."""

    reason: str = ""


class Wait(msgspec.Struct, frozen=True):
    """The rollout goes on, or may go on by itself."""

    reason: str


class Stuck(msgspec.Struct, frozen=True):
    """The rollout does not end by itself; `reason` is the controller's own sentence where it has one."""

    reason: str


Judgement = Ready | Wait | Stuck


def judge(obj: Json) -> Judgement:
    """Return how far the rollout of a live object has come.

    A Deployment, StatefulSet or DaemonSet is judged by its numbers; any other kind is ready once its controller, if it
    reports an `observedGeneration`, has seen the latest spec.
    """
    if _behind(obj):
        return Wait("its controller has not seen the latest spec yet")
    return _JUDGES.get(str(obj.get("kind")), _other)(_part(obj, "spec"), _part(obj, "status"))


def _behind(obj: Json) -> bool:
    generation = _part(obj, "metadata").get("generation")
    observed = _part(obj, "status").get("observedGeneration")
    reports = obj.get("kind") in _JUDGES or observed is not None
    return reports and generation is not None and (observed or 0) < generation


def _other(_spec: Json, _status: Json) -> Judgement:
    return Ready("nothing of its kind is rolled out")


def _deployment(spec: Json, status: Json) -> Judgement:
    wanted = spec.get("replicas", 1)
    if wanted == 0:
        return _ZERO
    if spec.get("paused"):
        return Wait("the rollout is paused")
    if failed := _condition(status, "Progressing", "ProgressDeadlineExceeded"):
        return Stuck(failed)
    names = ("replicas", "updatedReplicas", "availableReplicas")
    return _counted(wanted, {name: status.get(name, 0) for name in names})


def _stateful_set(spec: Json, status: Json) -> Judgement:
    wanted = spec.get("replicas", 1)
    if wanted == 0:
        return _ZERO
    counts = {name: status.get(name, 0) for name in ("replicas", "readyReplicas", "availableReplicas")}
    running = _counted(wanted, counts)
    if status.get("currentRevision") == status.get("updateRevision"):
        return running
    strategy, updated = _part(spec, "updateStrategy"), status.get("updatedReplicas", 0)
    if strategy.get("type") == "OnDelete":
        return _deleted(status.get("replicas", 0), updated, running)
    return _revised(strategy, wanted, updated, running)


def _revised(strategy: Json, wanted: int, updated: int, running: Judgement) -> Judgement:
    kept = _part(strategy, "rollingUpdate").get("partition", 0)
    if kept >= wanted:
        return Stuck(f"partition {kept}: all {wanted} replicas keep the old revision")
    if updated < wanted - kept:
        return Wait(f"{updated} of {wanted - kept} replicas are of the new revision")
    if kept and isinstance(running, Ready):
        return Ready(f"partition {kept}: {updated} of {wanted} replicas are of the new revision, as asked")
    return running if kept else Wait("its controller has not made the new revision the current one yet")


def _daemon_set(spec: Json, status: Json) -> Judgement:
    wanted = status.get("desiredNumberScheduled", 0)
    if wanted == 0:
        return Stuck("no node wants a pod of it: there is nothing to test")
    counts = {name: status.get(name, 0) for name in ("updatedNumberScheduled", "numberAvailable")}
    running = _counted(wanted, counts)
    if _part(spec, "updateStrategy").get("type") == "OnDelete":
        return _deleted(status.get("currentNumberScheduled", 0), counts["updatedNumberScheduled"], running)
    return running


def _counted(wanted: int, counts: Mapping[str, int]) -> Judgement:
    off = [f"{name} {count}" for name, count in counts.items() if count != wanted]
    if off:
        return Wait(f"{', '.join(off)}: {wanted} wanted")
    return Ready(f"{wanted} of {wanted} replicas are new and available")


def _deleted(there: int, updated: int, running: Judgement) -> Judgement:
    """Judge an update by deletion: while an old pod is there it waits for a person, then for the controller."""
    if there <= updated:
        return running
    return Stuck(f"updateStrategy OnDelete: {updated} of {there} pods are new, the others wait to be deleted by hand")


def _condition(status: Json, name: str, reason: str) -> str:
    for one in status.get("conditions") or ():
        if one.get("type") == name and one.get("status") == "False" and one.get("reason") == reason:
            return f"{name}=False, {reason}: {one.get('message', '')}"
    return ""


def _part(obj: Json, name: str) -> Json:
    found: Json = obj.get(name) or {}
    return found


_ZERO: Final = Stuck("it is scaled to zero: there is nothing to test")
_JUDGES: Final[Mapping[str, Callable[[Json, Json], Judgement]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}
