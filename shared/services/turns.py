"""Signals in their turn: reviews are answered and kept, and decided on before what comes after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from shared.errors import BadInput, Stale, Unavailable
from shared.model.changes import Sighting
from shared.model.messages import Message
from shared.model.records import Delete, Record
from shared.ports.ambient import Counters
from shared.services.inbox import Action
from shared.services.ledger import stamp
from shared.services.portal_records import undecoded
from shared.services.sightings import OFF, Sightings
from shared.services.tables import KEPT
from shared.services.watching import Context, Watch
from shared.wire.admission import Review, read_review

REVIEWS: Final = "litmus_gitops_reviews_total"

_UNDECIDED: Final = frozenset({OFF, "broken", "error"})
"""What a review comes to on which nothing is decided."""

_PAGE: Final = 8
"""Reviews that are in memory at a time."""

_log = logging.getLogger("litmus_gitops.changes")


@dataclass(frozen=True, slots=True)
class Turns:
    """Decides on the signals of each workload in the order in which they came.

    An API server waits for its review's answer, and with it whoever changes the workload. So a review is answered once
    it is kept, and decided on by a message: however long policies and the store take for that, nobody waits.
    """

    sightings: Sightings
    count: Counters

    @property
    def actions(self) -> Mapping[str, Action]:
        """The messages that it works off, by action."""
        return {"reviews": self.reviews}

    def reviews(self, asked: Message) -> None:
        """Decide on what is kept of a workload (message `workload_admission/reviews`): nothing, if somebody was faster.

        Raises `Unavailable` to be asked again.
        """
        try:
            self._work_off(asked.ids["cluster"], asked.ids["workload"])
        except Stale as error:
            raise Unavailable("others keep writing what these reviews are about") from error

    def take(self, context: Context, sighting: Sighting, done: set[str] | None = None) -> str:
        """Decide on a signal after what is kept of its workload; returns and raises what `Sightings.take` does.

        Of signals that came together, `done` are the workloads whose reviews were decided on for one before it.
        """
        subject, done = sighting.workload.subject, set() if done is None else done
        if subject not in done:
            self._work_off(sighting.workload.cluster, subject)
            done.add(subject)
        return self.sightings.take(context, sighting)

    def decide(self, cluster: str, review: Review) -> str:
        """Decide on a review at once, in its turn, and count what became of it, which is returned."""
        at = stamp(self._watch.clock)
        try:
            outcome = self._outcome(cluster, lambda context: self.take(context, self._sighting(context, review, at)))
        except (Stale, Unavailable) as error:
            outcome = _lost(cluster, error)
        self.count(REVIEWS, outcome=outcome)
        return outcome

    @property
    def _watch(self) -> Watch:
        return self.sightings.watch

    def _work_off(self, cluster: str, subject: str) -> None:
        for record in undecoded(self._watch.store, KEPT.partition(cluster, subject), page=_PAGE):
            outcome = self._outcome(cluster, partial(self._taken, record))
            if outcome in _UNDECIDED:
                outcome = self._dropped(record, outcome)
            if outcome:
                self.count(REVIEWS, outcome=outcome)

    def _outcome(self, cluster: str, take: Callable[[Context], str]) -> str:
        """Return what a review came to, also where nothing can be decided on it, now or ever."""
        try:
            context = self._watch.context_of(cluster)
            return take(context) if context else OFF
        except BadInput:
            return "broken"
        except (Stale, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - it would fail for ever, and all that follows it would wait
            return _lost(cluster, error)

    def _taken(self, record: Record, context: Context) -> str:
        """Decide on a review that was kept, unless its cluster was forgotten since, and this is one of the same id."""
        kept, cluster = KEPT.read(record), context.cluster.value
        if (kept.value.project, kept.value.registered_as) != (cluster.project, cluster.registered_as):
            return OFF
        review = read_review(bytes(kept.value.body), kept.value.traceparent)
        return self.sightings.take(context, self._sighting(context, review, kept.value.at), kept)

    def _sighting(self, context: Context, review: Review, at: str) -> Sighting:
        cluster = context.cluster.value
        return review.sighting(cluster.id, at, self._watch.sight(cluster))

    def _dropped(self, record: Record, outcome: str) -> str:
        """Forget a review without a decision; nothing is returned if somebody else did."""
        try:
            self._watch.store.commit([Delete(record.key, record.version)])
        except Stale:
            return ""
        return outcome


def _lost(cluster: str, error: Exception) -> str:
    _log.error("what a review told is lost", exc_info=error, extra={"cluster": cluster})
    return "error"
