"""Who scales workloads by itself: changes made by autoscalers count only where a policy says so."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from shared.model.changes import Change

AUTOSCALERS: Final = (
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "system:kube-controller-manager",
    "system:serviceaccount:*:keda-operator",
    "system:serviceaccount:*:keda-metrics-server",
    "system:serviceaccount:*:vpa-updater",
    "system:serviceaccount:*:vpa-recommender",
    "system:serviceaccount:*:vpa-admission-controller",
    "system:serviceaccount:*:cluster-proportional-autoscaler",
    "system:serviceaccount:*:cluster-proportional-vertical-autoscaler",
)
"""User names as the API server authenticates them.

The controller manager itself stands for the horizontal autoscaler where its controllers have no accounts of their own.
"""


@lru_cache(maxsize=1_024)
def is_autoscaler(actor: str) -> bool:
    """Whether the API server's user name is an autoscaler's."""
    return any(fnmatchcase(actor, name) for name in AUTOSCALERS)


def scaler_of(change: Change) -> str:
    """Return the autoscaler that made the change, empty if none did.

    Where the signal names nobody, it is the one that targets the workload, if nothing but the replicas changed.
    """
    if change.actor:
        return change.actor if is_autoscaler(change.actor) else ""
    alone = {one.path for one in change.changed} == {"spec.replicas"}
    return "the workload's autoscaler" if change.autoscaled and alone else ""
