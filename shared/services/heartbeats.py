"""Workloads that subscribers see: reviews that they were asked, changes whose webhook was lost, and what is gone."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec

from shared.errors import BadInput, LitmusGitopsError, Stale, Unavailable
from shared.model.calls import Answer, Call
from shared.model.changes import Operation, Side, Sighting, Tracked
from shared.model.heartbeats import Asked, Heartbeat
from shared.model.projects import Cluster
from shared.ports.ambient import Counters
from shared.rules.presences import compared
from shared.services.ledger import stamp
from shared.services.portal_records import listed
from shared.services.tables import TRACKED
from shared.services.turns import REVIEWS, Turns
from shared.services.watching import Context, Watch
from shared.wire.compression import plain
from shared.wire.sightings import LIMIT, MOST, Told, read_sightings
from shared.wire.traces import continued

_log = logging.getLogger("litmus_gitops.changes")


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """Compares what a cluster's subscriber lists with what is tracked, and takes the sightings that it sends."""

    watch: Watch
    turns: Turns
    count: Counters

    def hear(self, cluster: Cluster, heartbeat: Heartbeat, traceparent: str = "") -> list[dict[str, str]]:
        """Settle what the list itself tells, in its trace; return the workloads to be sent whole, at most `MOST`."""
        context = self.watch.context_of(cluster.id)
        if context is None or not heartbeat.listed:
            return []
        tracked = [row.value for row in listed(self.watch.store, TRACKED, cluster.id)]
        found = compared(heartbeat, tracked, self.watch.clock())
        news = [self._news(one, heartbeat, "UPDATE", one.candidate) for one in found.confirmed]
        news += [self._news(one, heartbeat, "DELETE") for one in found.gone]
        for one in news:
            self._take(context, msgspec.structs.replace(one, traceparent=traceparent))
        return [{"kind": one.kind, "namespace": one.namespace, "name": one.name} for one in found.wanted[:MOST]]

    def asks(self, cluster: Cluster) -> Asked:
        """Return what the subscriber is to evaluate before it seals objects."""
        context = self.watch.context_of(cluster.id)
        return self.watch.asked(context) if context else Asked()

    def receive(self, call: Call) -> Answer:
        """Take sightings of workloads, each by itself (`POST /changes/{cluster}`).

        Raises `Unauthenticated`, `BadInput`, and `Unavailable` where the subscriber should send them again.
        """
        cluster, _ = self.watch.keyring.verified(call)
        body = plain(call.headers, call.body, LIMIT)
        shown, context = read_sightings(body), self.watch.context_of(cluster.id)
        trace = continued(call.headers)
        outcomes = [self._shown(context, one, trace) if context else "gitops_off" for one in shown]
        for outcome in outcomes:
            self.count(REVIEWS, outcome=outcome)
        return Answer(200, {"outcomes": outcomes})

    def _shown(self, context: Context, told: Told, trace: str) -> str:
        cluster, received = context.cluster.value, stamp(self.watch.clock)
        try:
            return self._take(context, told.sighting(cluster.id, received, self.watch.sight(cluster), trace))
        except BadInput:
            return "broken"
        except LitmusGitopsError:
            raise
        except Exception:  # noqa: BLE001 - it would come again for ever, and all that follows it would wait
            _log.exception("what a sighting told is lost", extra={"cluster": cluster.id})
            return "error"

    def _take(self, context: Context, sighting: Sighting) -> str:
        try:
            return self.turns.take(context, sighting)
        except Stale as error:
            raise Unavailable("others keep writing what this heartbeat is about: send it again") from error

    def _news(self, was: Tracked, heartbeat: Heartbeat, operation: Operation, new: Side | None = None) -> Sighting:
        """Return what the list tells of a workload, no later than now, whatever the subscriber's clock says."""
        at = min(heartbeat.at, stamp(self.watch.clock))
        return Sighting(self.turns.sightings.ids(), "heartbeat", operation, was.workload, "", at, new=new)
