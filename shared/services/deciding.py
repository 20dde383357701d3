"""One change, decided: which experiments it starts and why, or why none; policies first, then safety."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from shared.model.changes import COMMIT, GITOPS, Change, Changed, Side, Workload
from shared.model.policies import Decision
from shared.model.records import Key, Write
from shared.model.runs import Active, Recent
from shared.model.triggers import Trigger
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.facts import Facts, Refusal
from shared.rules.hindsight import as_of
from shared.rules.policies import decide
from shared.rules.safety import refuse, remember, scales_zero
from shared.rules.undoing import maker, suspect
from shared.rules.verdicts import SAID
from shared.services.tables import ACTIVE, COOLDOWNS, ENDED, RECENT, Versioned
from shared.services.watching import Context

Verdict = Literal["triggered", "observed", "ignored"]

LIMIT: Final = 50
"""Experiments that one change may start: each adds a write to the transaction that holds the decision."""

_ENDS: Final = 20
"""Runs of a cluster that are looked at, the last to end first, for what a late signal tells."""

_TOO_MANY: Final = Refusal("too many", f"one change starts at most {LIMIT} experiments: name fewer on the workload")
_OPTED_IN: Final = f'metadata.annotations."{GITOPS}"'


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a change comes to, in the ledger's words; `starts` are the experiments that are to be dispatched.

    `cooldowns` and `recent` are the records that remember the trigger, as they were read and as they become; `recent`
    is None where it stays as it is. `untold` says that commits wait for a word on what safety refused. `chaos` is the
    run whose chaos made the change.
    """

    verdict: Verdict
    reason: str
    detail: Mapping[str, Any]
    starts: tuple[str, ...] = ()
    cooldowns: tuple[Versioned[str], ...] = ()
    recent: tuple[Versioned[Recent], Recent] | None = None
    untold: bool = False
    chaos: str = ""

    def writes(self, at: str) -> list[Write]:
        """Return what remembers the trigger; `at` is the ledger event's own time, from which the cooldown counts."""
        remembered: list[Write] = [COOLDOWNS.replace(was, at) for was in self.cooldowns]
        return remembered + ([RECENT.replace(*self.recent)] if self.recent else [])


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks the policies, then safety, about one change at a time; reads what safety remembers."""

    store: Store
    clock: Clock

    def rule(self, context: Context, change: Change) -> Ruling:
        """Return the ruling on a change under the policies and settings of its context."""
        labels = context.cluster.value.labels
        decision = decide(change, context.book.value.policies, context.gitops.default_policy, labels)
        said = {"policies": msgspec.to_builtins(decision.opinions)}
        said |= {"policies_unmoved": decision.unmoved} if decision.unmoved else {}
        if not decision.experiments:
            active = self._active(change) if suspect(change) else ()
            return Ruling("ignored", decision.reason, {"rule": decision.rule, **said}, chaos=maker(change, active))
        case = self._case(context, change, decision)
        ruling = case.ruling(self.clock())
        return replace(ruling, detail={**ruling.detail, **said}, chaos=maker(change, case.active))

    def _case(self, context: Context, change: Change, decision: Decision) -> _Case:
        recent, *cooldowns = remembered(context.project.value.id, change.workload, decision.experiments)
        found = self.store.get_many([recent, *cooldowns])
        return _Case(
            context,
            change,
            decision,
            recent=RECENT.read_or(found.get(recent), recent, Recent()),
            cooldowns=tuple(COOLDOWNS.read_or(found.get(key), key, "") for key in cooldowns),
            active=self._active(change),
        )

    def _active(self, change: Change) -> tuple[Active, ...]:
        """Return the runs that were not over when the change was made; one that ends meanwhile is not missed."""
        cluster = change.workload.cluster
        active = [ACTIVE.read(row).value for row in self.store.query(ACTIVE.partition(cluster))]
        ended = self.store.query(ENDED.partition(cluster), newest_first=True, limit=_ENDS)
        return as_of(change.at, active, [ENDED.read(row).value for row in ended])


def remembered(project: str, workload: Workload, experiments: Sequence[str]) -> list[Key]:
    """Return where it is kept what safety remembers of a project, and of a workload's last triggers of experiments."""
    named = (f"{workload.cluster}/{workload.subject}/{experiment}" for experiment in experiments[:LIMIT])
    return [RECENT.key(project), *(COOLDOWNS.key(project, name) for name in named)]


@dataclass(frozen=True, slots=True)
class _Case:
    """A change that the policies let start something, with all that safety knows of it."""

    context: Context
    change: Change
    decision: Decision
    recent: Versioned[Recent]
    cooldowns: tuple[Versioned[str], ...]
    active: tuple[Active, ...]

    def ruling(self, now: datetime) -> Ruling:
        refusals = {name: refuse("decision", self._facts(now, name, was.value)) for name, was in self._experiments()}
        refusals |= dict.fromkeys(self.decision.experiments[LIMIT:], _TOO_MANY)
        starts = tuple(name for name, refusal in refusals.items() if refusal is None or refusal.wait)
        return replace(self._ruled(now, refusals, starts), untold=self._untold(refusals))

    def _ruled(self, now: datetime, refusals: Mapping[str, Refusal | None], starts: tuple[str, ...]) -> Ruling:
        if not starts:
            return _refused(refusals)
        return Ruling(
            verdict="triggered" if self.context.gitops.mode == "enforce" else "observed",
            reason="; ".join((self.decision.reason, *_provisos(refusals))),
            detail={"rule": self.decision.rule, "refused": _told(refusals), "trigger": self._trigger(starts)},
            starts=starts,
            cooldowns=tuple(was for name, was in self._experiments() if name in starts),
            recent=self._remembered(now, len(starts)),
        )

    def _untold(self, refusals: Mapping[str, Refusal | None]) -> bool:
        said = any(one.rule in SAID for one in refusals.values() if one)
        return said and self.context.gitops.mode == "enforce" and bool(commits_named(self.change.new))

    def _remembered(self, now: datetime, count: int) -> tuple[Versioned[Recent], Recent] | None:
        """Return the project's record of triggers where it changes: in a mass deploy everybody wants to write it."""
        hold, storm = self.context.gitops.mode == "enforce", self.context.project.value.safety.storm
        recent = remember(self.recent.value, now, storm, count, hold=hold)
        return None if recent == self.recent.value else (self.recent, recent)

    def _experiments(self) -> list[tuple[str, Versioned[str]]]:
        return list(zip(self.decision.experiments, self.cooldowns, strict=False))

    def _facts(self, now: datetime, experiment: str, last: str) -> Facts:
        project, change, decision = self.context.project.value, self.change, self.decision
        return Facts(
            now,
            project.safety,
            change.workload.cluster,
            experiment,
            project_freeze=project.freeze,
            cluster_freeze=self.context.cluster.value.freeze,
            subject=change.workload.subject,
            actor=change.actor,
            rollback=change.rollback,
            zero=scales_zero(change),
            undoes=change.undoes,
            last=last or None,
            cooldown=decision.cooldowns.get(experiment),
            windows=decision.windows.get(experiment, ()),
            recent=self.recent.value,
            active=self.active,
        )

    def _trigger(self, starts: tuple[str, ...]) -> dict[str, Any]:
        decision, change = self.decision, self.change
        trigger = Trigger(
            workload=change.workload,
            uid=change.new.uid,
            changed=_guard(change),
            experiments=starts,
            commits=commits_named(change.new),
            cooldowns=decision.cooldowns,
            waits=decision.waits,
            windows=decision.windows,
        )
        told: dict[str, Any] = msgspec.to_builtins(trigger)
        return told


def _guard(change: Change) -> tuple[Changed, ...]:
    """Return the fields that must still stand when chaos starts; of a creation only that it has opted in."""
    if change.operation == "CREATE":
        return tuple(one for one in change.metadata_changed if one.path == _OPTED_IN)
    return change.changed or change.metadata_changed


def commits_named(side: Side) -> tuple[str, ...]:
    """Return the commits that a workload names to be told the results."""
    named = side.annotations.get(COMMIT, "").split(",")
    return tuple(dict.fromkeys(commit.strip() for commit in named if commit.strip()))


def _refused(refusals: Mapping[str, Refusal | None]) -> Ruling:
    first = next(filter(None, refusals.values()))
    return Ruling("ignored", first.reason, {"rule": first.rule, "refused": _told(refusals)})


def _provisos(refusals: Mapping[str, Refusal | None]) -> list[str]:
    verbs = {True: "waits", False: "does not start"}
    return [f"{name} {verbs[one.wait]}: {one.reason}" for name, one in refusals.items() if one]


def _told(refusals: Mapping[str, Refusal | None]) -> dict[str, Any]:
    return {name: {"rule": one.rule, "reason": one.reason} for name, one in refusals.items() if one}
