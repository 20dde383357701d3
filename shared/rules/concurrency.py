"""What has to wait at dispatch: for a person's release or approval, for attention, or for a run that is not over."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from shared.rules.facts import Facts, Refusal, Rule

APPROVAL: Final = "approval"


def _held(facts: Facts) -> Refusal | None:
    if facts.safety.storm is None or not facts.recent.held:
        return None
    return Refusal("storm", "a storm of triggers is held until a person releases or drops them", wait=True)


def unapproved(namespaces: Iterable[str | None], patterns: tuple[str, ...]) -> str | None:
    """Return why what goes into these namespaces needs a person's approval, None if it does not.

    A namespace that only rendering knows could be any of those that need it.
    """
    for name in (tuple(namespaces) or (None,)) if patterns else ():
        if name is None:
            return f"the experiment does not say its namespace, and {', '.join(patterns)} need a person's approval"
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return f"namespace {name} needs a person's approval"
    return None


def _approval(facts: Facts) -> Refusal | None:
    why = None if facts.approved else unapproved(facts.namespaces, facts.safety.approval_namespaces)
    return Refusal(APPROVAL, why, wait=True) if why else None


def _attention(facts: Facts) -> Refusal | None:
    runs = [r.run for r in facts.active if r.state == "needs_attention" and r.workload and r.workload == facts.subject]
    sentence = "needs attention: no new chaos on its workload until someone has looked"
    return Refusal("needs attention", f"run {runs[0]} {sentence}", wait=True) if runs else None


def _same_experiment(facts: Facts) -> Refusal | None:
    runs = [run.run for run in facts.active if run.experiment == facts.experiment]
    sentence = f"is of the same experiment, which runs once at a time on cluster {facts.cluster}"
    return Refusal("one run", f"run {runs[0]} {sentence}", wait=True) if runs else None


def _cluster_full(facts: Facts) -> Refusal | None:
    limit = facts.safety.max_runs.cluster
    if len(facts.active) < limit:
        return None
    return Refusal("max runs", f"cluster {facts.cluster} has {len(facts.active)} of {limit} runs", wait=True)


def _namespace_full(facts: Facts) -> Refusal | None:
    limit = facts.safety.max_runs.namespace
    for namespace in filter(None, facts.namespaces):
        count = sum(namespace in run.namespaces for run in facts.active)
        if count >= limit:
            return Refusal("max runs", f"namespace {namespace} has {count} of {limit} runs", wait=True)
    return None


WAITING: Final[tuple[Rule, ...]] = (_held, _approval, _attention, _same_experiment, _cluster_full, _namespace_full)
