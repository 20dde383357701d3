"""What is kept of a run that did chaos, in the commit of its end: when that was, and what it came to."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.model.records import Put
from shared.model.runs import Concluded, Ended, Run, RunState
from shared.services.tables import ENDED, HISTORY

_DID: Final[frozenset[RunState]] = frozenset({"completed", "error"})
"""Ends of runs that began, whoever told of that."""


def remembered(run: Run) -> tuple[Put, ...]:
    """Return what an ended run leaves to those who judge late what was then, and to its experiment's history.

    One that was skipped or expired, or stopped before it began, leaves nothing.
    """
    if not (run.begun_at or run.state in _DID):
        return ()
    told: dict[str, Any] = msgspec.to_builtins(run) | {"run": run.id}
    return _chaos(run, told), _result(run, told)


def _chaos(run: Run, told: dict[str, Any]) -> Put:
    """Return when the run did chaos; if nobody told of its beginning, it may have been at any time."""
    at = min(run.reported_at or run.updated_at, run.updated_at)
    did = told | {"ended_at": at, "begun_at": run.begun_at or run.created_at}
    return ENDED.put(msgspec.convert(did, Ended), run.cluster, f"{at}/{run.id}")


def _result(run: Run, told: dict[str, Any]) -> Put:
    concluded = msgspec.convert(told | {"ended_at": run.updated_at}, Concluded)
    return HISTORY.put(concluded, run.project, run.experiment, f"{run.updated_at}/{run.id}")
