"""What may start: one evaluator for the decision and for dispatch, each refusal under its rule's name.

How to call it at the decision, once for each experiment that the policies named::

    facts = Facts(now, project.safety, cluster.id, experiment, project_freeze=project.freeze,
                  cluster_freeze=cluster.freeze, subject=workload.subject, actor=change.actor,
                  rollback=change.rollback, zero=scales_zero(change), undoes=change.undoes,
                  last=<the COOLDOWNS record, or None>, cooldown=decision.cooldowns.get(experiment),
                  windows=decision.windows.get(experiment, ()), recent=<the RECENT record>,
                  active=<the ACTIVE records of the cluster>)
    refusal = refuse("decision", facts)

`None` and a refusal that has `wait` (a storm: the orders are made, and held) trigger; any other ignores the experiment
and names `refusal.rule` and `refusal.reason`. What triggers is remembered in the same commit: under COOLDOWNS
(`<cluster>/<subject>/<experiment>`) the event's own `at`, and as RECENT what `remember(recent, now, safety.storm,
count, hold=enforce)` returns. Mode `observe` is no refusal: the same is decided, and the verdict is `observed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

from shared.model.changes import Change
from shared.model.projects import Storm, Window
from shared.model.runs import Recent
from shared.model.times import written
from shared.rules.concurrency import WAITING
from shared.rules.durations import seconds
from shared.rules.facts import Facts, Refusal, Rule
from shared.rules.runs import BEGUN
from shared.rules.sides import replicas
from shared.rules.stop_conditions import stop_conditions
from shared.rules.undoing import ACCOUNT

__all__ = ["Facts", "Moment", "Pushing", "Refusal", "refuse", "remember", "remember_push", "scales_zero"]

Moment = Literal["decision", "dispatch"]

_OURS: Final = "litmus-gitops"
_PUSHES: Final = 32
"""Pushes that are remembered as counted: more than wait for the portal to be at their head at any time."""


class Pushing(msgspec.Struct, frozen=True):
    """The push of a commit, and how many starts it asked for."""

    commit: str
    starts: int


def refuse(at: Moment, facts: Facts) -> Refusal | None:
    """Return the first rule that says no, those that refuse before those that only wait; None if it may start."""
    answers = (rule(facts) for rule in _RULES[at])
    return next((answer for answer in answers if answer), None)


def remember(recent: Recent, now: datetime, storm: Storm | None, count: int = 1, *, hold: bool = True) -> Recent:
    """Return the record after `count` more triggers; with `hold` a storm stays until a person releases it.

    Under a hold it stays as it is, also while the project only observes, since a release forgets the times: all who
    trigger in a storm want this one record.
    """
    if storm is None:
        return Recent(dropped_at=recent.dropped_at, pushes=recent.pushes)
    if recent.held:
        return recent
    triggers = (*_within(recent, now, storm), *((written(now),) * count))
    held = hold and len(triggers) > storm.triggers
    return Recent(triggers[-storm.triggers - 1 :], held, recent.dropped_at, recent.pushes)


def remember_push(recent: Recent, now: datetime, storm: Storm | None, push: Pushing, *, hold: bool) -> Recent:
    """Return the record after a push, all of whose starts are triggers at once: a storm holds the first of them too.

    It stays as it is where the push was counted before, by whichever of its starts came first.
    """
    if push.commit in recent.pushes:
        return recent
    more = remember(recent, now, storm, push.starts, hold=hold)
    return msgspec.structs.replace(more, pushes=(*recent.pushes, push.commit)[-_PUSHES:])


def scales_zero(change: Change) -> bool:
    """Whether the change scales its workload from or to zero, which measures nothing."""
    if change.old is None:
        return False
    before, after = replicas(change.old), replicas(change.new)
    return before != after and 0 in {before, after}


def _expired(facts: Facts) -> Refusal | None:
    if facts.not_after is None or facts.now <= _time(facts.not_after):
        return None
    return Refusal("expiry", f"it was to start by {facts.not_after}; late chaos is never run")


def _chaos_actor(facts: Facts) -> Refusal | None:
    if not facts.actor.startswith(ACCOUNT):
        return None
    namespace, _, name = facts.actor.removeprefix(ACCOUNT).partition(":")
    if namespace == _OURS or name.startswith(_OURS):
        return Refusal("chaos actor", f"the change was made by {facts.actor}, our own subscriber")
    runs = [run.run for run in facts.active if name in run.service_accounts]
    return (
        Refusal("chaos actor", f"the change was made by {facts.actor}, the account of run {runs[0]}") if runs else None
    )


def _under_run(facts: Facts) -> Refusal | None:
    runs = [run for run in facts.active if run.state in BEGUN and run.workload and run.workload == facts.subject]
    return Refusal("open run", f"run {runs[0].run} targets {facts.subject} and is {runs[0].state}") if runs else None


def _undoing(facts: Facts) -> Refusal | None:
    return Refusal("undone chaos", f"it takes back what run {facts.undoes} did to it") if facts.undoes else None


def _zero(facts: Facts) -> Refusal | None:
    if not (facts.zero and facts.safety.ignore_zero):
        return None
    return Refusal("zero", "it scales from or to zero; `ignore_zero: false` would let it trigger")


def _rollback(facts: Facts) -> Refusal | None:
    if not (facts.rollback and facts.safety.ignore_rollbacks):
        return None
    return Refusal("rollback", "it goes back to an earlier state; `ignore_rollbacks: false` would let it trigger")


def _frozen(facts: Facts) -> Refusal | None:
    for what, freeze in (("the project", facts.project_freeze), (f"cluster {facts.cluster}", facts.cluster_freeze)):
        if freeze:
            why = f": {freeze.reason}" if freeze.reason else ""
            return Refusal("freeze", f"{what} is frozen by {freeze.by} since {freeze.at}{why}")
    return None


def _windows(facts: Facts) -> Refusal | None:
    for whose, windows in (("the project's", facts.safety.windows), ("the policy's", facts.windows)):
        if windows and not _any_open(windows, facts.now):
            shown = ", ".join(f"{w.cron!r} for {w.duration} in {w.time_zone}" for w in windows)
            return Refusal("windows", f"{written(facts.now)} is outside {whose} windows: {shown}")
    return None


def _any_open(windows: Iterable[Window], now: datetime) -> bool:
    from shared.rules.windows import is_open  # noqa: PLC0415 - cron is slow to load, and few projects have windows

    return any(is_open(window, now) for window in windows)


def _cooldown(facts: Facts) -> Refusal | None:
    if not (facts.last and facts.subject):
        return None
    last, own = _time(facts.last), facts.triggered_at and _time(facts.triggered_at)
    over = last + timedelta(seconds=seconds(facts.cooldown or facts.safety.cooldown))
    if (own or facts.now) >= over or (own and last >= own):
        return None
    sentence = f"{facts.subject} triggered {facts.experiment} at {facts.last}; it cools down until {written(over)}"
    return Refusal("cooldown", sentence, until=written(over))


def _storm(facts: Facts) -> Refusal | None:
    storm = facts.safety.storm
    if storm is None or not (facts.recent.held or _counts(facts, storm) >= storm.triggers):
        return None
    sentence = f"more than {storm.triggers} triggers in {storm.within}: held until a person releases or drops them"
    return Refusal("storm", sentence, wait=True)


def _counts(facts: Facts, storm: Storm) -> int:
    return len(_within(facts.recent, facts.now, storm))


def _within(recent: Recent, now: datetime, storm: Storm) -> tuple[str, ...]:
    since = now - timedelta(seconds=seconds(storm.within))
    return tuple(at for at in recent.triggers if _time(at) > since)


def _dropped(facts: Facts) -> Refusal | None:
    if not facts.triggered_at or facts.triggered_at > facts.recent.dropped_at:
        return None
    return Refusal("storm", f"a person dropped at {facts.recent.dropped_at} what a storm of triggers held")


def _allowed_namespaces(facts: Facts) -> Refusal | None:
    named = facts.namespaces or (None,)
    return _allowed("allowed namespaces", "namespace", named, facts.safety.allowed_namespaces)


def _allowed_faults(facts: Facts) -> Refusal | None:
    return _allowed("allowed faults", "fault", facts.faults or (None,), facts.safety.allowed_faults)


def _allowed(rule: str, what: str, named: tuple[str | None, ...], patterns: tuple[str, ...]) -> Refusal | None:
    for name in named if patterns else ():
        if name is None:
            return Refusal(rule, f"the experiment does not say its {what}, and only {', '.join(patterns)} may be used")
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            return Refusal(rule, f"{what} {name} is not among those allowed: {', '.join(patterns)}")
    return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


_REFUSING: Final[tuple[Rule, ...]] = (_frozen, _windows, _cooldown)
_RULES: Final[dict[Moment, tuple[Rule, ...]]] = {
    "decision": (_chaos_actor, _under_run, _undoing, _zero, _rollback, *_REFUSING, _storm),
    "dispatch": (_expired, _dropped, *_REFUSING, _allowed_namespaces, _allowed_faults, stop_conditions, *WAITING),
}
