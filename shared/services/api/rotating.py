"""Rotation of a cluster's secrets: the next version is shown once, and those before count for a grace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Invalid
from shared.model.calls import Answer, Call
from shared.model.durations import seconds
from shared.model.projects import Cluster
from shared.model.records import Put
from shared.rules.rotation import former, rotated, settled
from shared.services.api.clusters import member, secrets, shown
from shared.services.api.desk import Desk
from shared.services.api.experiments import author
from shared.services.api.operations import Operation, parse
from shared.services.attempts import until_fresh
from shared.services.tables import CLUSTERS, MEMBERS

LONGEST = "30d"
"""The longest grace: a secret that is to end does so within a month."""


@dataclass(frozen=True, slots=True)
class Rotating:
    """Gives clusters other secrets, without a moment in which none is accepted."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        rotate, who = "/projects/{project}/clusters/{cluster}/rotate", ("X-Editor",)
        other = "Give a cluster other secrets; those before count for a grace"
        return [
            Operation("POST", rotate, other, self.rotate, "RotationBody", headers=who),
            Operation("DELETE", rotate, "End the grace of former secrets", self.end, status=204, headers=who),
        ]

    def rotate(self, call: Call) -> Answer:
        """Raise the version of the cluster's secrets and show them, this once."""
        grace = parse("RotationBody", call).grace
        if seconds(grace) > seconds(LONGEST):
            raise Invalid(f"grace: {grace} is over {LONGEST}; rotate again later instead")

        def change(was: Cluster) -> Cluster:
            return rotated(was, seconds(grace), self.desk.clock())

        now = self._written(call, "rotated", change, self._told)
        return Answer(200, shown(self.desk, now) | secrets(self.desk, now))

    def end(self, call: Call) -> Answer:
        """Accept the newest secrets alone from now on; where no grace lasts, nothing changes."""

        def change(was: Cluster) -> Cluster:
            return settled(was) if former(was, self.desk.clock()) else was

        self._written(call, "settled", change, lambda now: f"ended the grace: version {now.version} alone counts")
        return Answer(204)

    def _written(
        self, call: Call, verdict: str, change: Callable[[Cluster], Cluster], told: Callable[[Cluster], str]
    ) -> Cluster:
        """Write the cluster as `change` makes it, with the ledger's row of who did what."""
        by = author(call)

        def write() -> Cluster:
            was = member(self.desk, call)
            now = change(was.value)
            if now != was.value:
                row = self._row(now, verdict, by, told(now))
                self.desk.store.commit([MEMBERS.replace(was, now), CLUSTERS.put(now, now.id), row])
            return now

        return until_fresh(write)

    def _told(self, now: Cluster) -> str:
        """Say what a rotation made of a cluster, in numbers of versions: never a secret."""
        kept = [f"version {one.version} counts until {one.until}" for one in former(now, self.desk.clock())]
        return "; ".join([f"raised the secrets to version {now.version}", *(kept or ["no other counts any more"])])

    def _row(self, now: Cluster, verdict: str, by: str, done: str) -> Put:
        _, row = self.desk.ledger.row(
            now.project,
            "cluster",
            verdict=verdict,
            reason=f"{by} {done}",
            subject=now.id,
            detail={"by": by, "version": now.version},
            links=[("cluster", now.id)],
        )
        return row
