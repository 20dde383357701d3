"""Which experiments a change of a workload starts, and why (docs/policies.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from shared.model.changes import Change, Changed
from shared.model.policies import Decision, Judged, Opinion, Policy
from shared.model.projects import Window
from shared.rules.autoscalers import scaler_of
from shared.rules.durations import seconds
from shared.rules.judging import Values, combined, explain, undecided, weigh
from shared.rules.mentions import mentions
from shared.rules.selecting import chosen, passed_over

_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
_TOLD: Final = 5
"""How many fields or policies a reason names."""

_LONGEST_REASON: Final = 2_000

EXPLAINED: Final = 5
"""How many policies tell their reasons in any case; of further ones, those that a change might match."""


def decide(
    change: Change,
    policies: Sequence[Policy],
    default_policy: bool,  # noqa: FBT001 - the project's setting goes by this name everywhere
    labels: Mapping[str, str] = _NO_LABELS,
) -> Decision:
    """Return the experiments that the change starts by the project's policies, and the reason in words.

    `default_policy` is the project's setting: without any policy, every change counts. `labels` are those of the
    cluster of origin. Safety (cooldown, windows, freeze, rollbacks) is not asked here.
    """
    created = change.operation == "CREATE" or change.old is None or not change.old.watched
    refused = _never(change)
    if refused:
        return refused
    if not policies:
        return _default(change, default_policy=default_policy, created=created)
    values = Values(change, created)
    told = _telling(policies, values)
    decision = _joined(change, [_opinion(policy, values, labels) for policy in told])
    return msgspec.structs.replace(decision, unmoved=len(policies) - len(told))


def _never(change: Change) -> Decision | None:
    """Return the refusal of what no policy can make a trigger."""
    if change.operation == "DELETE":
        return Decision((), "the workload was deleted, so nothing is left to try", "deleted")
    if not change.new.watched:
        return Decision((), 'the workload has not opted in with litmuschaos.io/gitops: "true"', "not watched")
    if not change.new.experiments:
        return Decision((), "the workload's annotations name no experiment", "no experiment")
    return None


def _default(change: Change, *, default_policy: bool, created: bool) -> Decision:
    if not default_policy:
        return Decision((), "the project has no policy, and without one nothing counts there", "default off")
    if created:
        return Decision((), "a workload that is new to us starts nothing unless a policy names CREATE", "created")
    if scaler := scaler_of(change):
        return Decision((), f"{scaler} is an autoscaler, whose changes count only where a policy says so", "autoscaler")
    if not change.changed:
        moved = _paths(change.metadata_changed) or "nothing that counts"
        return Decision(
            (), f"only metadata changed ({moved}), which counts only where a policy names it", "metadata only"
        )
    reason = f"the project has no policy, so any change counts: {_paths(change.changed)} changed"
    return Decision(change.new.experiments, reason, "default")


def _telling(policies: Sequence[Policy], values: Values) -> Sequence[Policy]:
    """Return the policies whose say a change's row holds: those that might match, and the first of the others.

    One that names nothing that has changed matches nothing, but at a creation.
    """
    if values.created or len(policies) <= EXPLAINED:
        return policies
    return mentions(policies, EXPLAINED).told(lambda name: values.of(name).moved is not False)


def _opinion(policy: Policy, values: Values, labels: Mapping[str, str]) -> Opinion:
    change = values.change
    aside = passed_over(policy, change, labels, created=values.created)
    if aside:
        return Opinion(policy.name, matches=False, reason=aside)
    weighed = tuple(weigh(condition, values) for condition in policy.conditions)
    matches = combined(policy.condition_type, weighed) if weighed else values.created or bool(change.changed)
    judged = tuple(explain(one, values) for one in weighed)
    return Opinion(
        policy=policy.name,
        matches=matches,
        reason=_clauses(policy, judged) or _unconditional(change, matches=matches),
        conditions=judged,
        experiments=chosen(policy, change) if matches else (),
        cooldown=policy.cooldown,
        wait=policy.wait,
        windows=policy.windows,
        unknown=not matches and undecided(policy.condition_type, weighed),
    )


def _clauses(policy: Policy, judged: Sequence[Judged]) -> str:
    return f"; {policy.condition_type} ".join(one.reason for one in judged)


def _unconditional(change: Change, *, matches: bool) -> str:
    if not matches:
        return "it has no conditions, and nothing changed outside metadata"
    return f"it has no conditions, and {_paths(change.changed) or 'the workload'} changed"


def _joined(change: Change, opinions: Sequence[Opinion]) -> Decision:
    """Join what the policies say: one trigger per experiment, bounded by the policies that match it."""
    matching = [opinion for opinion in opinions if opinion.matches]
    if not matching:
        return Decision((), f"no policy matches: {_told(opinions)}", "no policy matches", tuple(opinions))
    experiments = tuple(name for name in change.new.experiments if any(name in one.experiments for one in matching))
    about = {name: [one for one in matching if name in one.experiments] for name in experiments}
    return Decision(
        experiments=experiments,
        reason=_told(matching),
        rule="policy",
        opinions=tuple(opinions),
        cooldowns=_longest({name: [one.cooldown for one in found] for name, found in about.items()}),
        waits=_longest({name: [one.wait for one in found] for name, found in about.items()}),
        windows={name: _windows(found) for name, found in about.items() if all(one.windows for one in found)},
    )


def _longest(durations: Mapping[str, Iterable[str | None]]) -> dict[str, str]:
    """Return the longest duration for each name that has one."""
    known = {name: [text for text in texts if text] for name, texts in durations.items()}
    return {name: max(texts, key=seconds) for name, texts in known.items() if texts}


def _windows(opinions: Iterable[Opinion]) -> tuple[Window, ...]:
    return tuple(dict.fromkeys(window for one in opinions for window in one.windows))


def _told(opinions: Sequence[Opinion]) -> str:
    told = "; ".join(f"{opinion.policy}: {opinion.reason}" for opinion in opinions[:_TOLD])
    return told[:_LONGEST_REASON] + (f"; and {len(opinions) - _TOLD} more" if len(opinions) > _TOLD else "")


def _paths(changed: Sequence[Changed]) -> str:
    named = ", ".join(one.path for one in changed[:_TOLD])
    return named + (f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else "")
