"""Clusters: registering one shows its addresses and its secret, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.errors import Conflict, NotFound, Stale
from shared.model.calls import Answer, Call
from shared.model.projects import Cluster
from shared.model.records import ABSENT, Record
from shared.rules.keys import shown, subscriber_key, token
from shared.rules.urls import check_subscriber
from shared.services.api.bodies import NewCluster
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import listing
from shared.services.ledger import stamp
from shared.services.tables import CLUSTERS, MEMBERS, PRESENCE, Versioned


@dataclass(frozen=True, slots=True)
class Clusters:
    """Target clusters; each belongs to one project and its id is unique over all of them."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        one = "/projects/{project}/clusters/{cluster}"
        return [
            Operation("POST", "/projects/{project}/clusters", "Register a cluster", self.register, NewCluster, 201),
            Operation("GET", "/projects/{project}/clusters", "List clusters", self.browse),
            Operation("DELETE", one, "Forget a cluster; its secrets stop working", self.forget),
        ]

    def register(self, call: Call) -> Answer:
        """Register a cluster: 409 if the id is taken, in any project."""
        project, body = self.desk.project(call).value, parse(NewCluster, call)
        if body.subscriber_url:
            check_subscriber(body.subscriber_url, allow_local=self.desk.allow_local)
        cluster = Cluster(
            body.id, project.id, body.name, stamp(self.desk.clock), dict(body.labels), body.subscriber_url
        )
        self._store(cluster)
        return Answer(201, show(cluster, None) | self._secrets(cluster))

    def browse(self, call: Call) -> Answer:
        """List the project's clusters with the time each was last heard."""
        project = self.desk.project(call).value
        return listing(self.desk.store, MEMBERS.partition(project.id), call, self._row)

    def forget(self, call: Call) -> Answer:
        """Forget a cluster; its runs and ledger rows stay."""
        project, cluster = self.desk.project(call).value, member(self.desk, call)
        self.desk.store.commit(
            [
                CLUSTERS.delete(cluster.value.id),
                MEMBERS.delete(project.id, cluster.value.id, expected=cluster.version),
                PRESENCE.delete(project.id, cluster.value.id),
            ]
        )
        return Answer(204)

    def _store(self, cluster: Cluster) -> None:
        try:
            self.desk.store.commit(
                [
                    CLUSTERS.put(cluster, cluster.id, expected=ABSENT),
                    MEMBERS.put(cluster, cluster.project, cluster.id, expected=ABSENT),
                ]
            )
        except Stale as error:
            raise Conflict(f"the cluster id {cluster.id!r} is taken: choose another") from error

    def _secrets(self, cluster: Cluster) -> dict[str, str]:
        def url(purpose: str) -> str:
            secret = token(self.desk.master, purpose, cluster.id, cluster.version)
            return f"{self.desk.public_url}/{purpose}/{cluster.id}/{secret}"

        key = subscriber_key(self.desk.master, cluster.id, cluster.version)
        return {"admission_url": url("admission"), "audit_url": url("audit"), "subscriber_secret": shown(key)}

    def _row(self, row: Record) -> dict[str, Any]:
        cluster = MEMBERS.read(row).value
        presence = PRESENCE.load(self.desk.store, cluster.project, cluster.id)
        return show(cluster, presence.value.last_seen if presence else None)


def member(desk: Desk, call: Call) -> Versioned[Cluster]:
    """Return the project's cluster that the path names: `NotFound` otherwise."""
    found = MEMBERS.load(desk.store, call.params["project"], call.params["cluster"])
    if found is None:
        raise NotFound(f"no cluster {call.params['cluster']!r} in project {call.params['project']!r}")
    return found


def show(cluster: Cluster, last_seen: str | None) -> dict[str, Any]:
    """Return a cluster as the API shows it, without its secrets."""
    return {
        "id": cluster.id,
        "name": cluster.name,
        "labels": cluster.labels,
        "subscriber_url": cluster.subscriber_url,
        "created_at": cluster.created_at,
        "last_seen": last_seen,
        "freeze": cluster.freeze and {"reason": cluster.freeze.reason, "at": cluster.freeze.at},
    }
