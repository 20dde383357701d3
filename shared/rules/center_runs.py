"""What becomes of a run in a ChaosCenter: judged as one in a cluster of our own, from what the ChaosCenter shows.

Source of the phases: Litmus 3.31, its server's `ExperimentRunStatus` and what its agent sends beyond that.
"""

from __future__ import annotations

from typing import Any, Final

from shared.model.centers import CenterEngine, CenterRun
from shared.rules.outcomes import CHAOS_UID, Engine, Facts, Outcome, conclude
from shared.rules.tickets import ORDER, label_value

SHORTEST: Final = 5.0
LONGEST: Final = 60.0
"""Bounds of the seconds between two looks at a run; they grow with its age."""

OLD: Final = 7200.0
SELDOM: Final = 600.0
"""A run of more than `OLD` seconds is looked at every `SELDOM` seconds."""

_UNSTARTED: Final = frozenset({"", "NA", "Queued"})
_ENDED: Final = {
    "Completed": "Succeeded",
    "Completed_With_Error": "Succeeded",
    "Completed_With_Probe_Failure": "Succeeded",
    "Error": "Error",
    "Skipped": "Failed",
    "Stopped": "Failed",
    "Terminated": "Failed",
}
"""The Workflow's phase that a run's phase stands for, once it has ended."""

_STOPPED: Final = frozenset({"Stopped", "Terminated"})


def unstarted(run: CenterRun) -> bool:
    """Whether nothing is known to be in the cluster yet."""
    return run.phase in _UNSTARTED


def over(run: CenterRun) -> bool:
    """Whether the ChaosCenter says that the run has ended."""
    return run.phase in _ENDED


def is_of(run: CenterRun, order: str) -> bool:
    """Whether the manifest that runs is the one that was saved for this order."""
    return run.labels.get(ORDER) == label_value(order)


def standing(run: CenterRun, *, overdue: bool) -> Outcome:
    """Return how a run stands that has started; after its end no verdict is awaited any more."""
    ended = over(run)
    facts = Facts(
        engines=tuple(_engine(one, ended=ended) for one in run.engines),
        results=tuple(_result(one) for one in run.engines if one.result),
        phase=_ENDED.get(run.phase, run.phase),
        message=run.message,
        stopping=run.phase in _STOPPED,
        overdue=overdue or ended,
    )
    return conclude(facts)


def pause(age: float) -> float:
    """Return the whole seconds until a run is looked at again that was asked for `age` seconds ago."""
    return SELDOM if age > OLD else min(LONGEST, max(SHORTEST, age // 10))


def _engine(one: CenterEngine, *, ended: bool) -> Engine:
    status = "completed" if ended else one.status
    return Engine(one.uid, one.name, one.namespace, one.weight, {one.fault: one.verdict}, status=status)


def _result(one: CenterEngine) -> dict[str, Any]:
    return {"metadata": {"labels": {CHAOS_UID: one.uid}}, "spec": {"experiment": one.fault}, "status": one.result}
