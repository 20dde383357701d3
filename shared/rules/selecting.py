"""Whether a policy is about a change at all, before any of its conditions is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Final

from shared.model.changes import Change
from shared.model.policies import Policy
from shared.rules.autoscalers import scaler_of

_CACHED: Final = 4_096


def passed_over(policy: Policy, change: Change, labels: Mapping[str, str], *, created: bool) -> str:
    """Return why the policy is not about the change, empty if it is; `labels` are the cluster's."""
    if policy.problem:
        return f"it is invalid: {policy.problem.message}"
    return (
        _elsewhere(policy, change, labels)
        or _other_operation(policy, created=created)
        or _by_autoscaler(policy, change)
        or _other_experiments(policy, change)
    )


def chosen(policy: Policy, change: Change) -> tuple[str, ...]:
    """Return those of the workload's experiments that the policy is about, all where it names none."""
    named, experiments = policy.experiments, change.new.experiments
    return tuple(name for name in experiments if _any(named, name)) if named else experiments


def _elsewhere(policy: Policy, change: Change, labels: Mapping[str, str]) -> str:
    selector, workload = policy.selector, change.workload
    if policy.cluster not in (None, workload.cluster):
        return f"it comes from cluster {policy.cluster} and is about that one only"
    if selector.clusters and not any(_is_cluster(entry, workload.cluster, labels) for entry in selector.clusters):
        return f"its selector does not name cluster {workload.cluster}"
    if selector.namespaces and not _any(selector.namespaces, workload.namespace):
        return f"its selector does not name namespace {workload.namespace}"
    if selector.kinds and not _any(selector.kinds, workload.kind):
        return f"its selector does not name kind {workload.kind}"
    return _unlabelled(selector.labels, change) if selector.labels else ""


def _unlabelled(wanted: Mapping[str, str], change: Change) -> str:
    own = (change.new.content.get("metadata") or {}).get("labels") or {}
    missing = [name for name, value in wanted.items() if name not in own or not _like(value, own[name])]
    return f"its selector wants the label {missing[0]}={wanted[missing[0]]}" if missing else ""


def _other_operation(policy: Policy, *, created: bool) -> str:
    operation = "CREATE" if created else "UPDATE"
    return "" if operation in policy.operations else f"it is not about operation {operation}"


def _by_autoscaler(policy: Policy, change: Change) -> str:
    scaler = "" if policy.autoscalers else scaler_of(change)
    return f"{scaler} is an autoscaler, and it does not say autoscalers: true" if scaler else ""


def _other_experiments(policy: Policy, change: Change) -> str:
    return "" if chosen(policy, change) else "it names none of the workload's experiments"


def _is_cluster(entry: str, cluster: str, labels: Mapping[str, str]) -> bool:
    name, equals, value = entry.partition("=")
    return _like(value, labels.get(name, "")) and name in labels if equals else _like(entry, cluster)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(_like(pattern, name) for pattern in patterns)


def _like(pattern: str, name: str) -> bool:
    return bool(_compiled(pattern).match(name)) if "*" in pattern else name == pattern


@lru_cache(maxsize=_CACHED)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which only `*` is special; `fnmatch` makes one that does not backtrack."""
    return re.compile(translate(pattern.replace("[", "[[]").replace("?", "[?]")))
