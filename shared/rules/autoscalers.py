"""Who scales workloads by itself: changes made by these accounts count only where a policy says so."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

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
