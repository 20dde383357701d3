"""Looks after runs in a ChaosCenter until they have ended, and reports them as a subscriber would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError, NotFound, Stale
from shared.model.centers import CenterRun, Errand
from shared.model.runs import Report, Run
from shared.rules.center_runs import is_of, over, standing, unstarted
from shared.rules.outcomes import Outcome
from shared.services.center_cases import WORDS, Case, CenterDesk
from shared.services.tables import RUNS

_SLACK: Final = 600.0
"""Seconds that a run gets beyond its Workflow's own deadline before it needs attention."""

_WATCHED: Final = 86_400.0
"""Seconds after which a run that did not end is not asked for any more."""


@dataclass(frozen=True, slots=True)
class CenterFollowing:
    """Takes one look at a time."""

    desk: CenterDesk

    def ended(self, case: Case, errand: Errand, age: float) -> bool:
        """Look at a run that was asked for `age` seconds ago, report what is new, and return whether it has ended.

        Trouble on the way is shown on the order and ends nothing, but that nobody looks for longer than a day.
        """
        try:
            run = case.calls.find(errand, case.id)
            if self._gone(case) if run is None else self._told(case, errand, run, age):
                return True
        except NotFound:
            return self._gone(case)
        except Stale:
            raise
        except LitmusGitopsError as error:
            self.desk.note(case, error)
        return age > _WATCHED and self._lost(case, "the ChaosCenter did not say within a day how it ended: look there")

    def _told(self, case: Case, errand: Errand, run: CenterRun, age: float) -> bool:
        """Report how a run stands, and return whether it has ended."""
        if run.labels and not is_of(run, case.id):
            return self._foreign(case, errand, run)
        if unstarted(run):
            return self._late(case, errand, run)
        outcome = standing(run, overdue=age > errand.deadline + _SLACK)
        self._report(case, outcome)
        return outcome.ended

    def _foreign(self, case: Case, errand: Errand, run: CenterRun) -> bool:
        """Stop a run that is of another manifest: the experiment was saved by another between our save and our run."""
        if not over(run):
            case.calls.stop(errand, run)
        return self._lost(case, "it was saved by somebody else while it was being started: what ran was not git's")

    def _late(self, case: Case, errand: Errand, run: CenterRun) -> bool:
        """Give up a run that no agent has taken in time; it is never run late."""
        if self.desk.clock() <= datetime.fromisoformat(case.order.value.not_after):
            return False
        case.calls.stop(errand, run)
        reason = f"the ChaosCenter did not start it by {case.order.value.not_after}"
        self.desk.say(case, Report(case.id, case.id, "expired", "", phase=run.phase, message=reason))
        return True

    def _gone(self, case: Case) -> bool:
        return self._lost(case, "the ChaosCenter does not know this run any more: was its experiment deleted?")

    def _lost(self, case: Case, reason: str) -> bool:
        self.desk.say(case, Report(case.id, case.id, "error", "", verdict="Error", message=reason))
        return True

    def _report(self, case: Case, outcome: Outcome) -> None:
        """Report how a run stands, unless that is what its last report said."""
        was = RUNS.load(self.desk.store, case.cluster.project, case.id)
        report = Report(case.id, case.id, outcome.state, "", outcome.phase, outcome.verdict, None, outcome.faults)
        report = msgspec.structs.replace(report, message=outcome.message[:WORDS])
        if was is None or _shown(was.value) != _shown(report):
            self.desk.say(case, report)


def _shown(one: Run | Report) -> tuple[object, ...]:
    return one.state, one.phase, one.message, [(fault.name, fault.verdict) for fault in one.faults]
