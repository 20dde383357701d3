"""One step of any order: which it is, by the order's action and the phase that its record is in."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.errors import BadInput
from shared.model.orders import Action
from shared.services.subscriber.desk import Desk, Turn
from shared.services.subscriber.proving import Proving
from shared.services.subscriber.records import Phase, Progress, Record, Records
from shared.services.subscriber.running import Running
from shared.services.subscriber.starting import Starting

FIRST: dict[Action, Phase] = {
    "prove": "proving",
    "run": "proving",
    "install": "applying",
    "remove": "removing",
    "stop": "stopping",
}
"""The phase in which each action begins."""

_BEFORE_START = frozenset({"proving", "rollout", "preflight"})
_SCHEDULING = frozenset({"applying", "removing"})


@dataclass(frozen=True, slots=True)
class Steps:
    """Carries orders out; every step may be done again, after any interruption."""

    records: Records
    desk: Desk
    proving: Proving
    starting: Starting
    running: Running

    def begin(self, action: Action) -> Progress:
        """Return the progress of an order that was just taken."""
        now = self.desk.now()
        return Progress(FIRST[action], now, now)

    def step(self, record: Record) -> Turn:
        """Do the next step of an order that has not ended."""
        phase = record.progress.phase
        if phase in _BEFORE_START:
            return self._before_start(record)
        if phase == "starting":
            return self.starting.start(record)
        if phase == "running":
            return self.running.look(record)
        return self._schedule(record) if phase in _SCHEDULING else self._stop(record)

    def _schedule(self, record: Record) -> Turn:
        """Install or remove, in the order in which that was ordered: only the newest counts, after the older ones."""
        same = [one for one in self.records.all() if _rivals(one, record)]
        if newer := [one.id for one in same if one.id > record.id]:
            return self.desk.end(record, "skipped", f"order {newer[-1]} came after it", phase="superseded")
        if any(one.progress.phase != "ended" for one in same if one.id < record.id):
            return Turn(record, self.desk.pace.soon)
        return self.starting.apply(record) if record.progress.phase == "applying" else self.starting.remove(record)

    def _before_start(self, record: Record) -> Turn:
        if record.progress.stop:
            return self.desk.end(record, "stopped", "stopped before it started", verdict="Stopped")
        if self.desk.expired(record.order):
            return self.desk.end(record, "expired", f"not started by {record.order.not_after}")
        if record.progress.last is None:
            record = self.desk.waiting(record, "taken")
        if record.progress.phase == "preflight":
            return self.starting.preflight(record)
        return self.proving.prove(record) if record.progress.phase == "proving" else self.proving.await_rollout(record)

    def _stop(self, record: Record) -> Turn:
        run = str(record.order.parameters.get("run") or "")
        if not run:
            raise BadInput("this order to stop names no run: it needs parameters.run")
        target = self.records.find(run)
        if target is None:
            self._forbid(record, run)
            message = f"the run {run} had not come here, and will not start"
            done = self.desk.end(record, "completed", message, phase="stopped")
            return msgspec.structs.replace(done, wake=(run,))
        if target.progress.phase == "ended":
            return self.desk.end(record, "completed", f"the run {run} is over", phase="stopped")
        if not target.progress.stop:
            self.records.save(target.moved(stop=True))
        return Turn(record, self.desk.pace.soon, (run,))

    def _forbid(self, record: Record, run: str) -> None:
        """Record the run as ended, so that its order, should it still be on its way, is taken for a repeated one."""
        order = msgspec.structs.replace(record.order, order=run, action="run")
        never = Record(order, self.begin("run"), "")
        ended = self.desk.end(never, "stopped", "stopped before it came", verdict="Stopped")
        self.records.take(order, ended.record.progress)


def _rivals(one: Record, other: Record) -> bool:
    """Whether both are about the schedule of the same experiment."""
    same = (one.order.project, one.order.experiment) == (other.order.project, other.order.experiment)
    return same and one.id != other.id and FIRST[one.order.action] in _SCHEDULING
