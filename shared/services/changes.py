"""The two ways in for workload changes: admission reviews, always allowed, and batches of audit events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from shared.errors import BadInput, Stale, Unauthenticated, Unavailable
from shared.model.calls import Answer, Call
from shared.model.changes import Side
from shared.model.projects import Cluster
from shared.ports.ambient import Counters
from shared.rules.digests import side
from shared.services.deadlines import Busy, Deadlines, Late, patience
from shared.services.ledger import stamp
from shared.services.sightings import Sightings
from shared.services.tables import TRACKED, Versioned
from shared.services.watching import Context, Watch
from shared.wire.admission import LIMIT, ONLY_COUNTED, Review, allow, read_review
from shared.wire.compression import expanded
from shared.wire.traces import continued

if TYPE_CHECKING:
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
    deadlines: Deadlines = field(default_factory=Deadlines)

    def admit(self, call: Call) -> Answer:
        """Allow what a valid review asks about, in whatever trouble we are, and take what it tells.

        Where that takes longer than the API server waits, the answer does not wait for it. Raises `Unauthenticated`,
        and `BadInput` for what is no AdmissionReview v1.
        """
        due = time.monotonic() + patience(call.query)
        cluster = self._known(call, due)
        review = read_review(_body(call, LIMIT), continued(call.headers))
        outcome = cluster if isinstance(cluster, str) else review.untold or ""
        if isinstance(cluster, str) or outcome:
            self.count(REVIEWS, outcome=outcome)
        else:
            outcome = self._timely(due, partial(self._decided, cluster, review))
        return Answer(200, allow(review.uid), quiet=outcome in ONLY_COUNTED)

    def _known(self, call: Call, due: float) -> Versioned[Cluster] | str:
        """Return the cluster, or why it could not be looked up."""
        if self.watch.recalls(call.params["cluster"]):
            return self.watch.cluster(call, "admission")
        try:
            return self.deadlines.within(due - time.monotonic(), lambda: self.watch.cluster(call, "admission"))
        except Unauthenticated:
            raise
        except (Late, Busy) as error:
            return _lost(error)
        except Exception:  # noqa: BLE001 - no trouble of ours may hold up the cluster
            _log.exception("a review was allowed unread: its cluster could not be looked up")
            return "error"

    def _timely(self, due: float, decide: Callable[[], str]) -> str:
        """Return the outcome, which is counted when it is there, or why nobody waits for it, which is counted too."""
        try:
            return self.deadlines.within(due - time.monotonic(), decide)
        except (Late, Busy) as error:
            outcome = _lost(error)
            self.count(REVIEWS, outcome=outcome)
            return outcome

    def _decided(self, cluster: Versioned[Cluster], review: Review) -> str:
        outcome = self._admitted(cluster, review)
        self.count(REVIEWS, outcome=outcome)
        return outcome

    def _admitted(self, cluster: Versioned[Cluster], review: Review) -> str:
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
        from shared.wire.feeds import read_feed  # noqa: PLC0415 - reviews, which are waited for, do without

        batch = read_feed(call.headers, _body(call, BATCH_LIMIT), call.query.get("name", ""))
        for reason, number in batch.skipped.items():
            for _ in range(number):
                self.count(REVIEWS, outcome=reason)
        trace = continued(call.headers)
        for signal, concerns in self._sorted(cluster.value, batch):
            self.count(REVIEWS, outcome=self._heard(cluster, signal, trace) if concerns else "not_annotated")
        return Answer(200, {"events": len(batch.signals), "skipped": dict(batch.skipped), **self._receipt(call)})

    def _receipt(self, call: Call) -> dict[str, object]:
        """Return what Firehose wants to read in an answer, lest it send the same again: its request's id and a time."""
        from shared.wire.eks import REQUEST  # noqa: PLC0415 - as above

        asked = call.headers.get(REQUEST)
        return {"requestId": asked, "timestamp": int(self.watch.clock().timestamp() * 1000)} if asked else {}

    def _sorted(self, cluster: Cluster, batch: Batch) -> list[tuple[Signal, bool]]:
        """Return each signal with whether its workload is annotated, there or in its neighbours, or tracked."""
        keyed = [(signal, TRACKED.key(cluster.id, _subject(signal))) for signal in batch.signals]
        annotated = {key for signal, key in keyed if signal.annotated}
        tracked = self.watch.store.get_many(sorted({key for _, key in keyed} - annotated))
        return [(signal, key in annotated or key in tracked) for signal, key in keyed]

    def _heard(self, cluster: Versioned[Cluster], signal: Signal, trace: str) -> str:
        context = self.watch.context(cluster)
        if context is None:
            return "gitops_off"
        try:
            received, sight = stamp(self.watch.clock), self._sight(context)
            return self.sightings.take(context, signal.sighting(cluster.value.id, received, sight, trace))
        except BadInput:
            return "broken"
        except Stale as error:
            raise Unavailable("others keep writing what this batch is about: send it again") from error

    def _sight(self, context: Context) -> Callable[[dict[str, Any]], Side]:
        key = self.watch.seal(context.cluster.value)
        return lambda obj: side(obj, key)


def _lost(error: Late | Busy) -> str:
    """Return the outcome of a review that was answered before it was decided: `late` is not lost yet."""
    _log.warning("a review was allowed before it was decided", extra={"reason": str(error)})
    return "late" if isinstance(error, Late) else "busy"


def _subject(signal: Signal) -> str:
    return f"{signal.kind}/{signal.namespace}/{signal.name}"


def _body(call: Call, limit: int) -> bytes:
    return expanded(call.body, call.headers.get("content-encoding", "").lower(), limit)
