"""Moves a record on and says so: what is reported, what is only remembered, and when the next look is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from shared.model.orders import Order
from shared.model.runs import FaultResult, Report, RunState
from shared.ports.ambient import Clock
from shared.rules.outcomes import Outcome
from shared.services.ledger import stamp
from shared.services.subscriber.records import Phase, Record


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks at what moves, and at what needs a person; how long a stuck rollout must stay stuck.

    What moves is watched: `look` is for what no watch told of, `gap` the least time between two looks that watches
    ask for, `soon` how often an order to stop looks at what it stops. `grace` is what the leftovers of an ended
    run get to end too, `chatter` the least time between two reports that differ in words only, `keep` the longest that
    a record stays after its end.
    """

    look: float = 10.0
    gap: float = 0.3
    soon: float = 1.0
    attention: float = 15.0
    stuck: float = 3.0
    grace: float = 120.0
    chatter: float = 10.0
    keep: float = 7 * 86_400.0


class Turn(msgspec.Struct, frozen=True):
    """A record after one step, the seconds until its next one, and other orders that should be looked at at once."""

    record: Record
    delay: float = 0.0
    wake: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes reports into records; none leaves from here."""

    clock: Clock
    pace: Pace = Pace()

    def now(self) -> str:
        """Return the time as records keep it."""
        return stamp(self.clock)

    def age(self, since: str) -> float:
        """Return the seconds that have passed since a record's time."""
        return (self.clock() - datetime.fromisoformat(since)).total_seconds()

    def later(self, seconds: float) -> str:
        """Return the time in so many seconds, as records keep it."""
        return stamp(lambda: self.clock() + timedelta(seconds=seconds))

    def expired(self, order: Order) -> bool:
        """Whether the order may no longer be begun."""
        return self.age(order.not_after) > 0

    def turn(self, record: Record, phase: Phase, message: str = "") -> Turn:
        """Return the next phase of an order that has not started anything yet, to be looked at at once."""
        return Turn(self.waiting(record.moved(phase=phase, since=self.now(), worry="", worried_at=""), message))

    def waiting(self, record: Record, message: str) -> Record:
        """Report that the order waits, and for what."""
        return self._say(record, "waiting", record.progress.phase, message)

    def running(self, record: Record, outcome: Outcome) -> Record:
        """Report how a run stands."""
        report = self._report(record, outcome.state, outcome.phase, outcome.message)
        return self._add(record, msgspec.structs.replace(report, verdict=outcome.verdict, faults=outcome.faults))

    def end(  # noqa: PLR0913 - what a last report says
        self,
        record: Record,
        state: RunState,
        message: str,
        *,
        phase: str | None = None,
        verdict: str = "",
        faults: tuple[FaultResult, ...] = (),
    ) -> Turn:
        """Return the record ended, with its last report."""
        report = self._report(record, state, phase or record.progress.phase, message)
        told = self._add(record, msgspec.structs.replace(report, verdict=verdict, faults=faults))
        return Turn(told.moved(phase="ended", since=self.now(), ended_at=self.now()))

    def _say(self, record: Record, state: RunState, phase: str, message: str) -> Record:
        return self._add(record, self._report(record, state, phase, message))

    def _report(self, record: Record, state: RunState, phase: str, message: str) -> Report:
        created, ordered = record.progress.created, record.progress.ordered
        return Report(
            order=record.order.order if ordered else None,
            run=record.id,
            state=state,
            at=self.now(),
            phase=phase,
            message=message,
            experiment=record.order.experiment,
            object=created.name if created else "",
            commit="" if ordered else str(record.order.parameters.get("revision") or ""),
        )

    def _add(self, record: Record, report: Report) -> Record:
        """Append a report that says something new; words alone are news only now and then."""
        last = record.progress.last
        if last and self._repeats(last, report):
            return record
        pending = [one for one in record.progress.reports if one.state != report.state]
        return record.moved(reports=(*pending, report), last=report)

    def _repeats(self, last: Report, report: Report) -> bool:
        if msgspec.structs.replace(last, at=report.at) == report:
            return True
        same = msgspec.structs.replace(last, at=report.at, message=report.message) == report
        return same and self.age(last.at) < self.pace.chatter
