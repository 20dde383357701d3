"""The first steps of an order: the change is proved, and its rollout awaited."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.orders import Guard, Target
from shared.rules import guards
from shared.rules.durations import seconds
from shared.rules.guards import Doubt, Proof, Proved, refusal
from shared.rules.rollouts import Judgement, Ready, Stuck, Wait, judge
from shared.services.subscriber.desk import Desk, Turn
from shared.services.subscriber.records import Record
from shared.services.subscriber.surroundings import Json, Surroundings


@dataclass(frozen=True, slots=True)
class Proving:
    """Looks at the workload that triggered; `keys` seal values as the portal's guard has them, newest first."""

    surroundings: Surroundings
    desk: Desk
    keys: tuple[bytes, ...]

    def prove(self, record: Record) -> Turn:
        """Wait until the change is there, and end the order once it will not be."""
        guard = record.order.guard
        if guard is None:
            return self.desk.turn(record, "preflight")
        proof = guards.prove(self.surroundings.workload(guard.workload), guard, *self.keys)
        if isinstance(proof, Proved):
            return self.desk.turn(record.moved(held=True), "rollout", "the change is proved; its rollout is awaited")
        return self._doubted(record, proof)

    def await_rollout(self, record: Record) -> Turn:
        """Wait for the rollout as long as the guard allows, proving the change anew at each look."""
        guard = record.order.guard
        if guard is None:
            return self.desk.turn(record, "preflight")
        obj = self.surroundings.workload(guard.workload)
        proof = guards.prove(obj, guard, *self.keys)
        if obj is None or not isinstance(proof, Proved):
            return self._doubted(record, proof)
        rolled_out = self.surroundings.rolled_out(obj)
        if rolled_out is None:
            return self._judged(record, guard, _unnamed(obj))
        return self._judged(record.moved(awaited=_other(rolled_out, obj)), guard, judge(rolled_out))

    def _doubted(self, record: Record, proof: Proof) -> Turn:
        progress = record.progress
        assert not isinstance(proof, Proved), "what is proved is not doubted"
        waited = self.desk.age(progress.taken_at)
        if why := refusal(proof, Doubt(waited, progress.held, progress.first)):
            return self.desk.end(record, "skipped", why)
        found = proof.found if isinstance(proof, guards.Changed) else ""
        awaiting = self.desk.waiting(record, "the change is not persisted yet")
        return Turn(awaiting.moved(first=progress.first or found), self.desk.pace.look)

    def _judged(self, record: Record, guard: Guard, judgement: Judgement) -> Turn:
        match judgement:
            case Ready(reason):
                return self._ready(record, reason)
            case Stuck(reason) if self._is_settled(record, reason):
                return self.desk.end(record, "skipped", f"the rollout is stuck: {reason}")
            case Stuck(reason):
                return self._wait(record, reason, self.desk.pace.stuck)
            case Wait(reason) if self.desk.age(record.progress.since) > seconds(guard.wait):
                return self.desk.end(record, "skipped", f"the rollout did not end within {guard.wait}: {reason}")
            case Wait(reason):
                return self._wait(record.moved(worry="", worried_at=""), reason, self.desk.pace.look)

    def _ready(self, record: Record, reason: str) -> Turn:
        if record.order.action == "prove":
            return self.desk.end(record, "completed", f"proved, and rolled out: {reason}", phase="proved")
        return self.desk.turn(record, "preflight", f"rolled out: {reason}")

    def _is_settled(self, record: Record, reason: str) -> bool:
        """Whether it is stuck for good: a new spec shows, for a moment, the conditions of the old one."""
        progress = record.progress
        return progress.worry == reason and self.desk.age(progress.worried_at) >= self.desk.pace.stuck

    def _wait(self, record: Record, reason: str, delay: float) -> Turn:
        progress = record.progress
        if progress.worry != reason:
            record = record.moved(worry=reason, worried_at=self.desk.now())
        return Turn(self.desk.waiting(record, f"the rollout is awaited: {reason}"), min(delay, self.desk.pace.look))


def _other(rolled_out: Json, obj: Json) -> Target | None:
    metadata = rolled_out["metadata"]
    return None if rolled_out is obj else Target(rolled_out["kind"], metadata["namespace"], metadata["name"])


def _unnamed(obj: Json) -> Judgement:
    named = obj["metadata"]["annotations"]["litmuschaos.io/workload"]
    return Stuck(f"its annotation litmuschaos.io/workload names {named}, which does not exist")
