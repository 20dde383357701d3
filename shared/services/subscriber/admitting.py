"""Answers the reviews of this cluster's own API server: always allowed, and at once, whatever the portal does."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.calls import Answer, Call
from shared.ports.ambient import Clock, Counters
from shared.services.ledger import stamp
from shared.services.subscriber.forwarding import REVIEWS, Forwarding
from shared.wire.admission import LIMIT, ONLY_COUNTED, allow, read_review
from shared.wire.compression import plain
from shared.wire.traces import continued


@dataclass(frozen=True, slots=True)
class Admitting:
    """Answers `POST /admission`; what may matter goes to the portal later, sealed."""

    forwarding: Forwarding
    clock: Clock
    count: Counters

    def __call__(self, call: Call) -> Answer:
        """Allow what a valid review asks about; raises `BadInput` for what is no AdmissionReview v1."""
        body = plain(call.headers, call.body, LIMIT)
        review = read_review(body, continued(call.headers))
        outcome = review.untold
        if outcome is None:
            self.forwarding.keep(review, stamp(self.clock), len(body))
            outcome = "kept"
        self.count(REVIEWS, outcome=outcome)
        return Answer(200, allow(review.uid), quiet=outcome in ONLY_COUNTED)
