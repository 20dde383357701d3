"""One sighting, taken: what is tracked, the decision, its ledger row and its message, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.errors import Stale
from shared.model.changes import Change, Claim, KeptReview, Side, Sighting, Tracked
from shared.model.ledger import Event
from shared.model.projects import Presence
from shared.model.records import Delete, Put, Write
from shared.model.traces import traced
from shared.ports.ambient import Ids
from shared.rules import claims
from shared.rules.composing import order_id
from shared.rules.sealing import aligned
from shared.rules.tracking import observe
from shared.rules.trails import Outcome, delayed, listed, refuted
from shared.rules.undoing import harmed, healed
from shared.services.announcements import announced
from shared.services.attempts import until_fresh
from shared.services.deciding import Judge, Ruling, commits_named, remembered
from shared.services.ledger import Ledger, message
from shared.services.remembering import Remembering
from shared.services.tables import CHANGES, KEPT, ORDERS, PRESENCE, RUNS, TRACKED, Versioned
from shared.services.watching import Context, Watch

OFF: Final = "gitops_off"
"""What becomes of a sighting in a project with GitOps turned off."""

Kept = Versioned[KeptReview]
"""A review that waits for its decision, as it was read."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a decision meets: what is tracked, who decides, and what ends with it."""

    was: Versioned[Tracked]
    judge: Judge
    ends: Sequence[Delete]


@dataclass(frozen=True, slots=True)
class Sightings:
    """Takes sightings of workloads, whatever brought them. `kinds` are those that are watched, `*` being any."""

    watch: Watch
    ids: Ids
    kinds: frozenset[str]

    def take(self, context: Context, sighting: Sighting, kept: Kept | None = None) -> str:
        """Return what became of it: `triggered`, `observed`, `ignored`, or why the ledger does not note it.

        What was `kept` of it ends with the decision; where somebody else ended that, nothing is decided or returned.
        Raises `Stale` if others kept writing the same records, `Unavailable` if the store is away.
        """
        try:
            return self._once(context, sighting, kept)
        except Stale:
            return until_fresh(lambda: self._once(self.watch.renew(context), sighting, kept))

    def _once(self, context: Context | None, sighting: Sighting, kept: Kept | None) -> str:
        if context is None:
            return OFF
        read = self._read(context, sighting, kept)
        if kept and read.judge.store.get(kept.key) is None:
            return ""
        known, sighting = self._aligned(context, self._known(context, read.was, sighting), sighting)
        outcome = self._outcome(context, known, sighting)
        if outcome.noted:
            return self._note(context, sighting, outcome, read)
        tracks = [TRACKED.replace(read.was, outcome.tracked)] if outcome.tracked else []
        writes: list[Write] = [*tracks, *read.ends]
        if writes:
            self.watch.store.commit(writes)
        return outcome.rule

    def _read(self, context: Context, sighting: Sighting, kept: Kept | None) -> _Read:
        """Read what is tracked, together with what a trigger hangs on."""
        near, workload = Remembering(self.watch.store), sighting.workload
        place = (workload.cluster, workload.subject)
        named = sighting.new.experiments if sighting.new and sighting.new.watched else ()
        last = remembered(context.project.value.id, workload, named) if named else []
        near.get_many([TRACKED.key(*place), *last, *([kept.key] if kept else [])])
        was = TRACKED.load_or(near, Tracked(workload), *place)
        return _Read(was, Judge(near, self.watch.clock), [KEPT.remove(kept)] if kept else [])

    def _known(self, context: Context, was: Versioned[Tracked], sighting: Sighting) -> Tracked | None:
        """Return what is tracked; of what comes late it matters when heartbeats, which tell of news only, listed it."""
        if not was.version:
            return None
        if not delayed(sighting.at, self.watch.clock()):
            return was.value
        cluster = context.cluster.value
        presence = PRESENCE.load_or(self.watch.store, Presence(cluster.id, ""), cluster.project, cluster.id).value
        return listed(was.value, presence.listed.get(sighting.workload.kind, ""))

    def _aligned(self, context: Context, known: Tracked | None, sighting: Sighting) -> tuple[Tracked | None, Sighting]:
        def cover(side: Side, name: str) -> Side:
            return self.watch.covered(context, side, name)

        return aligned(known, sighting, cover)

    def _outcome(self, context: Context, tracked: Tracked | None, sighting: Sighting) -> Outcome:
        if self.kinds.isdisjoint({"*", sighting.workload.kind}):
            watched = ", ".join(sorted(self.kinds))
            return Outcome("kind", f"the kind {sighting.workload.kind} is not watched: WATCHED_KINDS has {watched}")
        outcome = observe(tracked, sighting)
        given_up = [one for one in outcome.claims if self._is_given_up(context, one, sighting)]
        if tracked is None or not given_up:
            return outcome
        return self._outcome(context, refuted(tracked, given_up), sighting)

    def _is_given_up(self, context: Context, claim: Claim, sighting: Sighting) -> bool:
        """Ask what became of the orders that a claim started on its own cluster."""
        store, cluster, project = self.watch.store, sighting.workload.cluster, context.project.value.id
        names = [order_id(claim.change, experiment, cluster) for experiment in claim.experiments]
        found = [(ORDERS.load(store, cluster, name), RUNS.load(store, project, name)) for name in names]
        outsets = [claims.Outset(order.value.state, run.value) for order, run in found if order and run]
        return claims.given_up(claim, outsets, sighting)

    def _note(self, context: Context, sighting: Sighting, outcome: Outcome, read: _Read) -> str:
        was = read.was
        ruling = _ruled(context, outcome, read.judge)
        event, row = self._row(context, sighting, outcome, ruling)
        tracked = outcome.tracked and claims.started(outcome.tracked, sighting.id, event.id, ruling.starts)
        tracked = tracked and _marked(tracked, outcome.change, ruling.chaos, was.value.fact)
        tracks = [TRACKED.replace(was, tracked)] if tracked else []
        decided = self._decided(context, outcome, event.id)
        ask = message(self.ids, "dispatch", "change", project=context.project.value.id, change=event.id)
        tell = message(self.ids, "sync", "refused", project=context.project.value.id, change=event.id)
        asks = [one for one, due in ((ask, ruling.starts), (tell, ruling.untold)) if due]
        asks += announced(context.project.value, "change", ruling.verdict, event.id)
        asks = [traced(one, sighting.traceparent) for one in asks]
        self.watch.store.commit([*tracks, *decided, row, *ruling.writes(event.at), *read.ends], asks)
        return ruling.verdict

    def _decided(self, context: Context, outcome: Outcome, event: str) -> list[Write]:
        """Return what a decision hangs on, and the change itself, kept for those who try policies on it."""
        if outcome.change is None:
            return []
        return [*context.checks, CHANGES.put(outcome.change, context.project.value.id, event)]

    def _row(self, context: Context, sighting: Sighting, outcome: Outcome, ruling: Ruling) -> tuple[Event, Put]:
        commits = commits_named(sighting.new) if ruling.untold and sighting.new else ()
        return Ledger(self.watch.clock, self.ids).row(
            context.project.value.id,
            "change",
            verdict=ruling.verdict,
            reason=ruling.reason,
            subject=sighting.workload.subject,
            detail={
                **_told(sighting, outcome.change),
                "experiments": _experiments(sighting, outcome.change, ruling),
                **ruling.detail,
                **({"commits": list(commits)} if commits else {}),
            },
            links=[("cluster", context.cluster.value.id)],
        )


def _ruled(context: Context, outcome: Outcome, judge: Judge) -> Ruling:
    if outcome.change is None:
        return Ruling("ignored", outcome.reason, {"rule": outcome.rule})
    ruling = judge.rule(context, outcome.change)
    if ruling.starts or outcome.change.operation == "UPDATE":
        return ruling
    return replace(ruling, reason=f"{outcome.reason}; {ruling.reason}", detail={**ruling.detail, "rule": outcome.rule})


def _marked(tracked: Tracked, change: Change | None, chaos: str, fact: Side | None) -> Tracked:
    """Return the record that knows what chaos moved; what others moved since is no harm, unless they took it back."""
    if change is None or change.undoes:
        return tracked
    return harmed(tracked, change, chaos, fact) if chaos else healed(tracked, change)


def _told(sighting: Sighting, change: Change | None) -> Mapping[str, Any]:
    differing = (*change.changed, *change.metadata_changed) if change else ()
    return {
        "source": sighting.source,
        "operation": "UPDATE" if change and change.operation == "UPDATE" else sighting.operation,
        "actor": sighting.actor,
        "cluster": sighting.workload.cluster,
        "changed": [one.path for one in differing],
        "policies": [],
        **({"traceparent": sighting.traceparent} if sighting.traceparent else {}),
    }


def _experiments(sighting: Sighting, change: Change | None, ruling: Ruling) -> list[str]:
    shown = change.new if change else sighting.new or sighting.old
    return list(ruling.starts or (shown.experiments if shown else ()))
