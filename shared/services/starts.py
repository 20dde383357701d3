"""Decides what a push starts, once: what says so is written in one commit with the experiment that was pushed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.model.experiments import Experiment
from shared.model.projects import RunOnPush
from shared.model.records import Key
from shared.model.statuses import Concern
from shared.model.triggers import Pushed
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.pushing import Move, returned, starts
from shared.services.ledger import Ledger, message, stamp
from shared.services.ordering import Work
from shared.services.tables import CONCERNS, PAST, PUSHED


def pushed_key(experiment: str, blob: str, commit: str) -> str:
    """Return the name of the one start that these three may get."""
    return f"{experiment}/{blob}/{commit}"


@dataclass(frozen=True, slots=True)
class Starts:
    """Makes the starts of a project, in the trace of what was pushed; `dispatch/push` has each of them looked at.

    `came_at` is when the push was delivered (RFC 3339 UTC), empty where it was not.
    """

    store: Store
    clock: Clock
    ids: Ids
    traceparent: str = ""
    came_at: str = ""

    def along(self, project: str, setting: RunOnPush | None, moves: Sequence[Move]) -> list[Work]:
        """Return, for each move, what to write in the same commit; an import, which has no setting, starts nothing."""
        due = [move.now if setting and starts(setting, move) else None for move in moves]
        known = frozenset(self.store.get_many([key for now in due if now for key in _keys(project, now)]))
        among = sum(1 for now in due if now and known.isdisjoint(_keys(project, now)))
        begun = [self._start(project, now, known, among) if now else Work() for now in due]
        return [past + start for past, start in zip(self._dropped(project, moves), begun, strict=True)]

    def _dropped(self, project: str, moves: Iterable[Move]) -> list[Work]:
        """Remember each text that git holds no longer, once, so that its return is known for what it is."""
        blobs = [move.dropped for move in moves]
        first = {blob: place for place, blob in reversed(list(enumerate(blobs)))}
        at = stamp(self.clock)
        return [
            Work((PAST.put(at, project, blob),)) if blob and first[blob] == place else Work()
            for place, blob in enumerate(blobs)
        ]

    def _start(self, project: str, now: Experiment, known: frozenset[Key], among: int) -> Work:
        past, started = _keys(project, now)
        if started in known:
            return Work()
        if past in known:
            return self._returned(project, now)
        name = pushed_key(now.id, now.blob, now.commit)
        due = message(
            self.ids, "dispatch", "push", project=project, experiment=now.id, blob=now.blob, commit=now.commit
        )
        pushed = Pushed(self.ids(), stamp(self.clock), traceparent=self.traceparent, among=among, came_at=self.came_at)
        concern = Concern(now.id, pushed.at, verdict="due")
        writes = (PUSHED.put(pushed, project, name), CONCERNS.put(concern, project, now.commit, concern.key))
        return Work(writes, (due,))

    def _returned(self, project: str, now: Experiment) -> Work:
        refusal = returned(now)
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "order",
            verdict="refused",
            reason=refusal.reason,
            subject=now.id,
            detail={"rule": refusal.rule, "cause": "push", "action": "run"},
            links=[("experiment", now.id), ("commit", now.commit)],
        )
        return Work((row,))


def _keys(project: str, now: Experiment) -> tuple[Key, Key]:
    """Return where it is remembered that git held this text before, and that it was started for this commit."""
    return PAST.key(project, now.blob), PUSHED.key(project, pushed_key(now.id, now.blob, now.commit))
