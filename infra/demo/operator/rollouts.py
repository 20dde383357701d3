"""The controllers' part, where nobody else plays it: a workload's status follows its spec, without pods.

Which fields a status has, and when, is as kube-controller-manager 1.36 was seen to write them.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

from infra.demo.operator.engines import moment

if TYPE_CHECKING:
    from infra.demo.operator.cluster import Cluster
    from infra.demo.operator.outcomes import Document

RESOURCES = ("apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets")


class Rollouts:
    """Rolls a changed workload out `seconds` after it was seen, in two steps.

    A cluster's own controllers are faster: what they have observed by then is left to them.
    """

    def __init__(self, cluster: Cluster, seconds: float) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._seen: dict[tuple[str, int], float] = {}
        self._ours: set[tuple[str, int]] = set()

    def step(self, resource: str, workload: Document, nodes: int) -> None:
        """Do what is due for the workload; `nodes` is what a DaemonSet rolls out to."""
        change = (workload["metadata"]["uid"], workload["metadata"]["generation"])
        status = workload.get("status") or {}
        if change in self._ours:
            self._cluster.patch(resource, workload, {"status": _done(resource, workload, nodes)}, "status")
            self._ours.discard(change)
        elif status.get("observedGeneration", 0) < change[1] and self._is_due(change):
            self._cluster.patch(resource, workload, {"status": _begun(resource, workload, nodes)}, "status")
            self._ours.add(change)

    def _is_due(self, change: tuple[str, int]) -> bool:
        now = time.monotonic()
        return now - self._seen.setdefault(change, now) >= self._seconds


def _begun(resource: str, workload: Document, nodes: int) -> Document:
    seen = {"observedGeneration": workload["metadata"]["generation"]}
    if resource.endswith("/daemonsets"):
        counts = {"currentNumberScheduled": nodes, "desiredNumberScheduled": nodes, "numberMisscheduled": 0}
        return seen | counts | {"numberReady": 0, "updatedNumberScheduled": None, "numberUnavailable": nodes}
    if resource.endswith("/statefulsets"):
        return seen | {"updatedReplicas": None, "updateRevision": _revision(workload), "collisionCount": 0}
    return seen | {"updatedReplicas": None, "unavailableReplicas": _replicas(workload) or None}


def _done(resource: str, workload: Document, nodes: int) -> Document:
    if resource.endswith("/daemonsets"):
        names = ("numberReady", "updatedNumberScheduled", "numberAvailable")
        return dict.fromkeys(names, nodes) | {"numberUnavailable": None}
    if resource.endswith("/statefulsets"):
        return _stateful(workload)
    return _deployed(workload)


def _replicas(workload: Document) -> int:
    return int(workload["spec"].get("replicas", 1))


def _deployed(workload: Document) -> Document:
    if workload["spec"].get("paused"):
        paused = _condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        return {"conditions": [paused]}
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    name = f"{workload['metadata']['name']}-{_digest(workload)}"
    available = _condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    rolled = f'ReplicaSet "{name}" has successfully progressed.'
    progressing = _condition("Progressing", "True", "NewReplicaSetAvailable", rolled)
    counts: Document = dict.fromkeys(names, _replicas(workload) or None)
    return counts | {"unavailableReplicas": None, "conditions": [available, progressing]}


def _condition(kind: str, status: str, reason: str, message: str) -> Document:
    times = dict.fromkeys(("lastUpdateTime", "lastTransitionTime"), moment())
    return {"type": kind, "status": status, "reason": reason, "message": message} | times


def _stateful(workload: Document) -> Document:
    wanted = _replicas(workload)
    strategy = workload["spec"].get("updateStrategy") or {}
    kept = min(int((strategy.get("rollingUpdate") or {}).get("partition") or 0), wanted)
    revision = _revision(workload)
    before = (workload.get("status") or {}).get("currentRevision") or revision
    counts = {"replicas": wanted, "readyReplicas": wanted or None, "availableReplicas": wanted}
    counts |= {"updatedReplicas": (wanted - kept) or None, "currentReplicas": (kept or wanted) or None}
    return counts | {"updateRevision": revision, "currentRevision": before if kept else revision}


def _revision(workload: Document) -> str:
    return f"{workload['metadata']['name']}-{_digest(workload)}"


def _digest(workload: Document) -> str:
    template = json.dumps(workload["spec"]["template"], sort_keys=True)
    return hashlib.sha256(template.encode()).hexdigest()[:10]
