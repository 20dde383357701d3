"""Changes and policies to decide on."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.model.changes import Change, Changed, Operation, Side, Workload
from shared.model.policies import Condition, Decision, Policy
from shared.rules.policies import decide

WATCHED: Final = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "pod-delete, pod-cpu-hog"}
GROWN: Final = (Changed("spec.replicas", "d"),)
REPLICAS: Final = Condition("spec.replicas", "GreaterThan", "2")
AUTOSCALER: Final = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"


def side(spec: Any, metadata: dict[str, Any] | None = None, **body: Any) -> Side:
    head = {"name": "web", "namespace": "shop", "annotations": WATCHED}
    return Side("u1", {"metadata": head | (metadata or {}), "spec": spec, **body}, "d", 1)


def change(
    old: Side | None,
    new: Side,
    changed: tuple[Changed, ...] = GROWN,
    *,
    kind: str = "Deployment",
    actor: str = "admin",
    operation: Operation = "UPDATE",
    metadata_changed: tuple[Changed, ...] = (),
) -> Change:
    workload = Workload("c1", kind, "shop", "web")
    return Change(workload, "admission", operation, actor, "", new, old, changed, metadata_changed)


GROWTH: Final = change(side({"replicas": 2}), side({"replicas": 3}))


def policy(name: str = "grown", **fields: Any) -> Policy:
    return msgspec.structs.replace(Policy(name, conditions=(REPLICAS,)), **fields)


def decided(tried: Change, *policies: Policy, default_policy: bool = True, **labels: str) -> Decision:
    return decide(tried, policies, default_policy, labels)
