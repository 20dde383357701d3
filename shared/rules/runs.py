"""How a run moves on: never back, whatever comes twice, late or out of order."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.model.runs import FaultResult, Report, Run, RunState
from shared.rules.scoring import score

_RANK: Final[dict[RunState, int]] = {
    "queued": 0,
    "waiting": 1,
    "skipped": 2,
    "expired": 2,
    "running": 3,
    "needs_attention": 4,
    "completed": 5,
    "stopped": 5,
    "error": 5,
}
"""`skipped` and `expired` rank below `running`, since evidence that it did run overrides that it should not have."""

OVER: Final[frozenset[RunState]] = frozenset({"completed", "stopped", "error", "skipped", "expired"})
"""States in which a run holds no place in its cluster."""

BEGUN: Final[frozenset[RunState]] = frozenset({"running", "needs_attention"})
"""States in which a run's chaos may be at work."""

UNSTARTED: Final[frozenset[RunState]] = frozenset({"queued", "waiting"})
"""States in which nothing was created in the cluster yet."""


def moves(was: RunState, to: RunState) -> bool:
    """Whether a run in `was` may become `to`."""
    return _RANK[to] > _RANK[was]


def merged(run: Run, report: Report) -> Run | None:
    """Return the run after a report, None if the report is a repeated or an older one.

    A state gives way only to a later one; within one that goes on, the newer report (by its own `at`) counts.
    """
    newer = report.state == run.state and report.state not in OVER and report.at > run.reported_at
    return _after(run, report) if newer or moves(run.state, report.state) else None


def told(was: Run, now: Run) -> bool:
    """Whether `now` says anything that `was` did not, apart from being newer."""
    return msgspec.structs.replace(now, reported_at=was.reported_at, updated_at=was.updated_at) != was


def ended(run: Run, state: RunState, reason: str) -> Run | None:
    """Return the run ended from our side as `skipped` or `expired`, None if it is past that."""
    return msgspec.structs.replace(run, state=state, message=reason) if moves(run.state, state) else None


def _after(run: Run, report: Report) -> Run:
    worth = score(report.state, report.verdict, report.faults)
    return msgspec.structs.replace(
        run,
        state=report.state,
        verdict=worth.verdict,
        score=worth.value,
        faults=tuple(_shown(fault) for fault in report.faults),
        message=report.message,
        phase=report.phase,
        reported_at=report.at,
    )


def _shown(fault: FaultResult) -> FaultResult:
    unmeasured = fault.probe_success_percentage is None
    return msgspec.structs.replace(fault, measured=False) if unmeasured else fault
