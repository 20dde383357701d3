"""Whose word lets a schedule be installed: a push, for what it brings, and a person, for what was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.messages import Message
from shared.model.records import ABSENT, Write
from shared.model.schedules import SCHEDULED, Placed, Scheduled, Wanted
from shared.model.traces import traced
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.acceptance import accepted, accepts, concerns
from shared.rules.pushing import Move
from shared.rules.schedules import FAILED
from shared.services.approving import because
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger
from shared.services.ordering import Work
from shared.services.tables import EXPERIMENTS, ORDERS, PROJECTS, SCHEDULES, Versioned, unchanged

_KINDS: Final = " and ".join(f"{kind}s" for kind in sorted(SCHEDULED, reverse=True))


def rescheduled(ids: Ids, project: str, experiment: str | None = None, traceparent: str = "") -> Message:
    """Return the message that has a schedule looked at, or all of a project; without a trace it gets its sender's."""
    named = {"project": project} if experiment is None else {"project": project, "experiment": experiment}
    return traced(Message(ids(), "dispatch", "schedule", named), traceparent)


class _Word(msgspec.Struct, frozen=True):
    """What a person says of a schedule."""

    by: str
    reason: str
    accept: bool
    seen: Collection[str] | None

    @property
    def verdict(self) -> str:
        """How the ledger calls it, where it approves nothing."""
        return "accepted" if self.accept else "declined"


@dataclass(frozen=True, slots=True)
class Accepting:
    """Records the word; `Scheduling` acts on it, in the trace of what brought it."""

    store: Store
    clock: Clock
    ids: Ids
    traceparent: str = ""

    def accept(  # noqa: PLR0913 - what a person says
        self,
        project: str,
        experiment: str,
        by: str,
        reason: str = "",
        *,
        accept: bool,
        seen: Collection[str] | None = None,
    ) -> None:
        """Let a schedule be installed, or not any more; saying it again has what failed ordered anew.

        It is an approval too, of the text as it is now, where its namespaces need one; `seen` are the blobs of which it
        has to be one, where the person says what they saw. Raises `NotFound`, and `Conflict` for an experiment without
        a schedule, or with another text.
        """
        until_fresh(partial(self._accept, project, experiment, _Word(by, reason, accept, seen)))

    def along(self, project: str, moves: Sequence[Move], *, importing: bool) -> list[Work]:
        """Return, for each move of an experiment in git, what to write in the same commit."""
        named = {one.id for move in moves if concerns(move) for one in (move.now, move.gone) if one}
        found = self.store.get_many([SCHEDULES.key(project, name) for name in sorted(named)]) if named else {}
        known = {key.sort: SCHEDULES.read(record) for key, record in found.items()}
        return [self._moved(project, move, known, importing=importing) for move in moves]

    def _moved(self, project: str, move: Move, known: Mapping[str, Versioned[Scheduled]], *, importing: bool) -> Work:
        one = move.now or move.was
        if one is None or not concerns(move):
            return Work()
        looked = Work((), (self._looked(project, one.id),))
        if move.now is None or move.now.kind not in SCHEDULED or not move.now.commit:
            return looked
        was = known.get(one.id, Versioned(SCHEDULES.key(project, one.id), Scheduled(), ABSENT))
        before = known.get(move.gone.id, was) if move.gone and not move.was else was
        may = accepts(move, importing=importing, accepted=before.value.accepted)
        now = msgspec.structs.replace(was.value, accepted=may, approved=before.value.approved)
        return looked if now == was.value else looked + Work((SCHEDULES.replace(was, now),))

    def _accept(self, project: str, name: str, word: _Word) -> None:
        found, settings = EXPERIMENTS.load(self.store, project, name), PROJECTS.load(self.store, project)
        if found is None or settings is None:
            raise NotFound(f"no experiment {name[:80]!r} in project {project!r}")
        if found.value.kind not in SCHEDULED:
            kind = found.value.kind or "broken file"
            raise Conflict(f"{found.value.path} is a {kind}: only {_KINDS} have a schedule")
        if word.seen is not None and found.value.blob not in word.seen:
            raise Conflict(f"git does not hold {found.value.path} as you saw it: read it anew, once no edit is pending")
        was = SCHEDULES.load_or(self.store, Scheduled(), project, name)
        clusters = {cluster: self._afresh(cluster, one) for cluster, one in was.value.clusters.items()}
        afresh = msgspec.structs.replace(was.value, clusters=clusters)
        now = accepted(settings.value, found.value, afresh) if word.accept else Scheduled(clusters=clusters)
        verdict = "approved" if now.approved != was.value.approved and word.accept else word.verdict
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "order",
            verdict=verdict,
            reason=f"{word.by} {verdict} the schedule of {found.value.name}{because(word.reason)}",
            subject=name,
            detail={"action": "install"},
            links=[("experiment", name)],
        )
        writes: list[Write] = [SCHEDULES.replace(was, now), row, unchanged(found), unchanged(settings)]
        self.store.commit(writes, [self._looked(project, name)])

    def _looked(self, project: str, experiment: str) -> Message:
        return rescheduled(self.ids, project, experiment, self.traceparent)

    def _afresh(self, cluster: str, one: Placed) -> Placed:
        """Return what was ordered, but for an installation that failed: then whatever is wanted is ordered anew."""
        order = ORDERS.load(self.store, cluster, one.order)
        failed = order is not None and order.value.state in FAILED and one.action == "install"
        return msgspec.structs.replace(one, wanted=Wanted()) if failed else one
