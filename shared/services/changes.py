"""The two ways in for workload changes: admission reviews, always allowed, and batches of audit events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import BadInput, Stale, Unauthenticated, Unavailable
from shared.model.calls import Answer, Call
from shared.model.changes import Side
from shared.model.projects import Cluster
from shared.ports import Counters
from shared.rules.digests import side
from shared.services.ledger import stamp
from shared.services.sightings import Sightings
from shared.services.tables import TRACKED, Versioned
from shared.services.watching import Context, Watch
from shared.wire.admission import LIMIT, ONLY_COUNTED, Review, allow, read_review
from shared.wire.compression import expanded
from shared.wire.eks import REQUEST
from shared.wire.feeds import read_feed
from shared.wire.signals import Batch, Signal

BATCH_LIMIT: Final = 16 << 20
"""Bytes of a batch of audit events, or of a cloud's log of them."""

REVIEWS: Final = "litmus_gitops_reviews_total"

_log = logging.getLogger("litmus_gitops.changes")


@dataclass(frozen=True, slots=True)
class Changes:
    """Answers `POST /admission/{cluster}/{token}` and `POST /audit/{cluster}/{token}`."""

    watch: Watch
    sightings: Sightings
    count: Counters

    def admit(self, call: Call) -> Answer:
        """Allow what a valid review asks about, in whatever trouble we are, and take what it tells.

        Raises `Unauthenticated`, and `BadInput` for what is no AdmissionReview v1.
        """
        cluster = self._known(call)
        review = read_review(_body(call, LIMIT))
        outcome = self._admitted(cluster, review) if cluster else "error"
        self.count(REVIEWS, outcome=outcome)
        return Answer(200, allow(review.uid), quiet=outcome in ONLY_COUNTED)

    def _known(self, call: Call) -> Versioned[Cluster] | None:
        try:
            return self.watch.cluster(call, "admission")
        except Unauthenticated:
            raise
        except Exception:  # noqa: BLE001 - no trouble of ours may hold up the cluster
            _log.exception("a review was allowed unread: its cluster could not be looked up")
            return None

    def _admitted(self, cluster: Versioned[Cluster], review: Review) -> str:
        if told_nothing := review.untold:
            return told_nothing
        try:
            context = self.watch.context(cluster)
            return self._reviewed(context, review) if context else "gitops_off"
        except BadInput:
            return "broken"
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("a review was allowed, and what it told is lost", extra={"cluster": cluster.value.id})
            return "error"

    def _reviewed(self, context: Context, review: Review) -> str:
        at = stamp(self.watch.clock)
        return self.sightings.take(context, review.sighting(context.cluster.value.id, at, self._sight(context)))

    def hear(self, call: Call) -> Answer:
        """Take what a batch of audit events tells, each event by itself, from the API server or from a cloud's log.

        Raises `Unauthenticated`, `BadInput` for what is neither, and `Unavailable` where the sender should send the
        batch again: what was taken is known by its auditID.
        """
        cluster = self.watch.cluster(call, "audit")
        batch = read_feed(call.headers, _body(call, BATCH_LIMIT), call.query.get("name", ""))
        for reason, number in batch.skipped.items():
            for _ in range(number):
                self.count(REVIEWS, outcome=reason)
        for signal, concerns in self._sorted(cluster.value, batch):
            self.count(REVIEWS, outcome=self._heard(cluster, signal) if concerns else "not_annotated")
        return Answer(200, {"events": len(batch.signals), "skipped": dict(batch.skipped), **self._receipt(call)})

    def _receipt(self, call: Call) -> dict[str, object]:
        """Return what Firehose wants to read in an answer, lest it send the same again: its request's id and a time."""
        asked = call.headers.get(REQUEST)
        return {"requestId": asked, "timestamp": int(self.watch.clock().timestamp() * 1000)} if asked else {}

    def _sorted(self, cluster: Cluster, batch: Batch) -> list[tuple[Signal, bool]]:
        """Return each signal with whether its workload is annotated, there or in its neighbours, or tracked."""
        keyed = [(signal, TRACKED.key(cluster.id, _subject(signal))) for signal in batch.signals]
        annotated = {key for signal, key in keyed if signal.annotated}
        tracked = self.watch.store.get_many(sorted({key for _, key in keyed} - annotated))
        return [(signal, key in annotated or key in tracked) for signal, key in keyed]

    def _heard(self, cluster: Versioned[Cluster], signal: Signal) -> str:
        context = self.watch.context(cluster)
        if context is None:
            return "gitops_off"
        try:
            received = stamp(self.watch.clock)
            return self.sightings.take(context, signal.sighting(cluster.value.id, received, self._sight(context)))
        except BadInput:
            return "broken"
        except Stale as error:
            raise Unavailable("others keep writing what this batch is about: send it again") from error

    def _sight(self, context: Context) -> Callable[[dict[str, Any]], Side]:
        key = self.watch.seal(context.cluster.value)
        return lambda obj: side(obj, key)


def _subject(signal: Signal) -> str:
    return f"{signal.kind}/{signal.namespace}/{signal.name}"


def _body(call: Call, limit: int) -> bytes:
    return expanded(call.body, call.headers.get("content-encoding", "").lower(), limit)
