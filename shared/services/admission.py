"""Admission reviews: always allowed, whatever happens here, and kept to be decided on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from msgspec import Raw

from shared.errors import Unauthenticated
from shared.model.calls import Answer, Call
from shared.model.changes import KeptReview
from shared.model.projects import Cluster
from shared.model.traces import ID, traced
from shared.ports.ambient import Counters
from shared.ports.state import Batch
from shared.rules.digests import SENSITIVE
from shared.services.deadlines import Busy, Deadlines, Late, patience
from shared.services.intake import Intake
from shared.services.ledger import message, stamp
from shared.services.sightings import OFF
from shared.services.tables import KEPT, Versioned
from shared.services.turns import REVIEWS, Turns
from shared.services.watching import Watch
from shared.wire.admission import LIMIT, ONLY_COUNTED, Review, allow, read_review
from shared.wire.compression import plain
from shared.wire.traces import continued

T = TypeVar("T")

KEEPABLE: Final = 256 << 10
"""Bytes of a review that can be kept: DynamoDB takes records of 400 KB."""

_log = logging.getLogger("litmus_gitops.changes")


@dataclass(frozen=True, slots=True)
class Admission:
    """Answers `POST /admission/{cluster}/{token}`.

    What bears values that are secret is not kept, since it is stored nowhere before they are sealed.
    """

    watch: Watch
    turns: Turns
    count: Counters
    intake: Intake
    deadlines: Deadlines = field(default_factory=Deadlines)

    def admit(self, call: Call) -> Answer:
        """Allow what a valid review asks about, in whatever trouble we are, and keep what it tells to be decided on.

        Where that takes longer than the API server waits, the answer does not wait for it. Raises `Unauthenticated`,
        and `BadInput` for what is no AdmissionReview v1.
        """
        due = time.monotonic() + patience(call.query)
        cluster = self._known(call, due)
        review = read_review(plain(call.headers, call.body, LIMIT), continued(call.headers))
        outcome = review.untold or (cluster if isinstance(cluster, str) else "")
        if outcome or isinstance(cluster, str):
            self.count(REVIEWS, outcome=outcome)
        else:
            outcome = self._taken(due, cluster.value, review)
        return Answer(200, allow(review.uid), quiet=outcome in ONLY_COUNTED)

    def _known(self, call: Call, due: float) -> Versioned[Cluster] | str:
        """Return the cluster, or why it could not be looked up."""
        name = call.params["cluster"]
        try:
            return self._soon(due, lambda: self.watch.cluster(call, "admission"), at_once=self.watch.recalls(name))
        except Unauthenticated:
            raise
        except Exception as error:  # noqa: BLE001 - no trouble of ours may hold up the cluster
            return _lost(error)

    def _taken(self, due: float, cluster: Cluster, review: Review) -> str:
        """Return the outcome of a review; it is counted by whoever keeps or decides, and if nobody does, here."""
        try:
            listens = partial(self.watch.listens, cluster)
            if self._soon(due, listens, at_once=self.watch.recalls_project(cluster)):
                return self._told(due, cluster, review)
            outcome = OFF
        except Exception as error:  # noqa: BLE001 - likewise
            outcome = _lost(error, cluster.id, review)
        self.count(REVIEWS, outcome=outcome)
        return outcome

    def _told(self, due: float, cluster: Cluster, review: Review) -> str:
        """Keep a review, or decide on it at once where it must not be kept or is too large."""
        if len(review.body) > KEEPABLE or not review.kinds.isdisjoint(SENSITIVE):
            return self._soon(due, partial(self.turns.decide, cluster.id, review))
        told = partial(self._kept, cluster.id, review)
        self.intake.take(due - time.monotonic(), self._keeping(cluster, review), told)
        return "kept"

    def _soon(self, due: float, work: Callable[[], T], *, at_once: bool = False) -> T:
        """Do what does not ask the store `at_once`, anything else only as long as there is time."""
        return work() if at_once else self.deadlines.within(due - time.monotonic(), work)

    def _keeping(self, cluster: Cluster, review: Review) -> Batch:
        """Return the commit that keeps a review, and asks for the decision, in its trace."""
        ids = self.turns.sightings.ids
        body = Raw(review.needed())
        kept = KeptReview(stamp(self.watch.clock), cluster.project, cluster.registered_as, body, review.traceparent)
        asked = message(ids, "workload_admission", "reviews", cluster=cluster.id, workload=review.subject)
        return [KEPT.put(kept, cluster.id, review.subject, ids())], [traced(asked, review.traceparent)]

    def _kept(self, cluster: str, review: Review, failure: Exception | None) -> None:
        """Count a review that was kept, or was not."""
        self.count(REVIEWS, outcome=_lost(failure, cluster, review) if failure else "kept")


def _lost(error: Exception, cluster: str = "", review: Review | None = None) -> str:
    """Return the outcome of a review that was answered without a decision: one that is `late` is not lost yet.

    What is not known to come from that `cluster` is not logged.
    """
    told = {}
    if review:
        told = {"cluster": cluster, "workload": review.subject, "trace": review.traceparent[ID]}
    if isinstance(error, (Late, Busy)):
        _log.warning("a review was allowed before it was kept", extra={**told, "reason": str(error)})
        return "late" if isinstance(error, Late) else "busy"
    _log.error("a review was allowed, and what it told is lost", exc_info=error, extra=told)
    return "error"
