"""Audit events: in batches from an API server, or from a cloud's log of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import BadInput, Stale, Unavailable
from shared.model.calls import Answer, Call
from shared.model.changes import subject_of
from shared.model.projects import Cluster
from shared.ports.ambient import Counters
from shared.services.ledger import stamp
from shared.services.sightings import OFF
from shared.services.tables import TRACKED, Versioned
from shared.services.turns import REVIEWS, Turns
from shared.services.watching import Watch
from shared.wire.compression import plain
from shared.wire.eks import REQUEST
from shared.wire.feeds import read_feed
from shared.wire.signals import Batch, Signal
from shared.wire.traces import continued

BATCH_LIMIT: Final = 16 << 20
"""Bytes of a batch of audit events, or of a cloud's log of them."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Answers `POST /audit/{cluster}/{token}`."""

    watch: Watch
    turns: Turns
    count: Counters

    def hear(self, call: Call) -> Answer:
        """Take what a batch of audit events tells, each event by itself, from the API server or from a cloud's log.

        Raises `Unauthenticated`, `BadInput` for what is neither, and `Unavailable` where the sender should send the
        batch again: what was taken is known by its auditID.
        """
        cluster = self.watch.cluster(call, "audit")
        body = plain(call.headers, call.body, BATCH_LIMIT)
        batch = read_feed(call.headers, body, call.query.get("name", ""))
        for reason, number in batch.skipped.items():
            for _ in range(number):
                self.count(REVIEWS, outcome=reason)
        trace, done = continued(call.headers), set[str]()
        for signal, concerns in self._sorted(cluster.value, batch):
            self.count(REVIEWS, outcome=self._heard(cluster, signal, trace, done) if concerns else "not_annotated")
        return Answer(200, {"events": len(batch.signals), "skipped": dict(batch.skipped), **self._receipt(call)})

    def _receipt(self, call: Call) -> dict[str, object]:
        """Return what Firehose wants to read in an answer, lest it send the same again: its request's id and a time."""
        asked = call.headers.get(REQUEST)
        return {"requestId": asked, "timestamp": int(self.watch.clock().timestamp() * 1000)} if asked else {}

    def _sorted(self, cluster: Cluster, batch: Batch) -> list[tuple[Signal, bool]]:
        """Return each signal with whether its workload is annotated, there or in its neighbours, or tracked."""
        subjects = [subject_of(one.kind, one.namespace, one.name) for one in batch.signals]
        keyed = [(one, TRACKED.key(cluster.id, subject)) for one, subject in zip(batch.signals, subjects, strict=True)]
        annotated = {key for signal, key in keyed if signal.annotated}
        tracked = self.watch.store.get_many(sorted({key for _, key in keyed} - annotated))
        return [(signal, key in annotated or key in tracked) for signal, key in keyed]

    def _heard(self, cluster: Versioned[Cluster], signal: Signal, trace: str, done: set[str]) -> str:
        context = self.watch.context(cluster)
        if context is None:
            return OFF
        try:
            received, sight = stamp(self.watch.clock), self.watch.sight(context.cluster.value)
            return self.turns.take(context, signal.sighting(cluster.value.id, received, sight, trace), done)
        except BadInput:
            return "broken"
        except Stale as error:
            raise Unavailable("others keep writing what this batch is about: send it again") from error
