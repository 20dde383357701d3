"""Clusters: registering one shows its addresses and its secret, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.model.calls import Answer, Call
from shared.model.projects import ChaosCenter, Cluster, Presence
from shared.model.reaches import Reach
from shared.model.records import ABSENT, Record
from shared.rules import keys
from shared.rules.keys import ACCESS_KEY, subscriber_key, token
from shared.rules.rotation import former
from shared.rules.urls import check_center, check_subscriber
from shared.services.accepting import rescheduled
from shared.services.api.desk import Desk
from shared.services.api.farewell import Farewell
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, listing
from shared.services.attempts import until_fresh
from shared.services.keyring import Keyring
from shared.services.ledger import message, stamp
from shared.services.tables import CLUSTERS, MEMBERS, PRESENCE, REACHES, RETIRED, Versioned, unchanged

if TYPE_CHECKING:
    from shared.services.api.bodies import NewCluster


@dataclass(frozen=True, slots=True)
class Clusters:
    """Target clusters; each belongs to one project and its id is unique over all of them."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        one = "/projects/{project}/clusters/{cluster}"
        return [
            Operation("POST", "/projects/{project}/clusters", "Register a cluster", self.register, "NewCluster", 201),
            Operation("GET", "/projects/{project}/clusters", "List clusters", self.browse, query=QUERY),
            Operation("DELETE", one, "Forget a cluster; its secrets stop working", self.forget, status=204),
        ]

    def register(self, call: Call) -> Answer:
        """Register a cluster: 409 if the id is taken, in any project."""
        project, body = self.desk.project(call).value, parse("NewCluster", call)
        center = _center(body, allow_local=self.desk.allow_local)
        cluster = Cluster(body.id, project.id, body.name, stamp(self.desk.clock), dict(body.labels))
        cluster = self._store(msgspec.structs.replace(cluster, subscriber_url=body.subscriber_url, chaoscenter=center))
        return Answer(201, show(cluster, None, Reach()) | secrets(self.desk, cluster))

    def browse(self, call: Call) -> Answer:
        """List the project's clusters with the time each was last heard, and how it is reached."""
        project = self.desk.project(call).value
        return listing(self.desk.store, MEMBERS.partition(project.id), call, self._row)

    def forget(self, call: Call) -> Answer:
        """Forget a cluster: what was to start there does not, what runs there is not heard of again.

        Its runs and ledger rows stay, and each that ends by this says so.
        """
        cluster = member(self.desk, call).value
        farewell = Farewell(self.desk.store, self.desk.clock, self.desk.ids)
        farewell.end_orders(cluster)
        until_fresh(lambda: self._delete(call))
        farewell.end_orders(cluster)
        farewell.tidy(cluster)
        return Answer(204)

    def _delete(self, call: Call) -> None:
        was = member(self.desk, call)
        cluster = was.value
        self.desk.store.commit(
            [
                RETIRED.put(cluster.version, cluster.id),
                CLUSTERS.delete(cluster.id),
                MEMBERS.delete(cluster.project, cluster.id, expected=was.version),
                PRESENCE.delete(cluster.project, cluster.id),
                REACHES.delete(cluster.id),
            ],
            [
                message(self.desk.ids, "dispatch", "next", cluster=cluster.id),
                rescheduled(self.desk.ids, cluster.project),
            ],
        )

    def _store(self, cluster: Cluster) -> Cluster:
        """Store a new cluster, with other secrets than one of the same id had before."""
        store, last = self.desk.store, RETIRED.load_or(self.desk.store, 0, cluster.id)
        cluster = msgspec.structs.replace(cluster, version=last.value + 1)
        try:
            store.commit(
                [
                    unchanged(last),
                    CLUSTERS.put(cluster, cluster.id, expected=ABSENT),
                    MEMBERS.put(cluster, cluster.project, cluster.id, expected=ABSENT),
                ],
                [rescheduled(self.desk.ids, cluster.project)],
            )
        except Stale as error:
            raise Conflict(f"the cluster id {cluster.id!r} is taken: choose another") from error
        return cluster

    def _row(self, row: Record) -> dict[str, Any]:
        return shown(self.desk, MEMBERS.read(row).value)


def secrets(desk: Desk, cluster: Cluster) -> dict[str, str]:
    """Return the cluster's newest secrets, which are shown when they are made and never again."""

    def url(purpose: str) -> str:
        secret = token(desk.master, purpose, cluster.id, cluster.version)
        return f"{desk.public_url}/{purpose}/{cluster.id}/{secret}"

    key = subscriber_key(desk.master, cluster.id, cluster.version)
    access = token(desk.master, ACCESS_KEY, cluster.id, cluster.version)
    urls = {"admission_url": url("admission"), "audit_url": url("audit")}
    return {**urls, "subscriber_secret": keys.shown(key), "access_key": access}


def shown(desk: Desk, cluster: Cluster) -> dict[str, Any]:
    """Return a registered cluster as the API shows it, with what is known of it apart from its own record."""
    presence = PRESENCE.load(desk.store, cluster.project, cluster.id)
    reach = REACHES.load_or(desk.store, Reach(), cluster.id).value
    return show(cluster, presence.value if presence else None, reach) | {"rotation": _rotation(desk, cluster)}


def _rotation(desk: Desk, cluster: Cluster) -> dict[str, Any] | None:
    """Return until when former secrets count, and when they were last used for what; None where none counts."""
    counted = former(cluster, desk.clock())
    if not counted:
        return None
    return {
        "former": msgspec.to_builtins(counted),
        "until": max(one.until for one in counted),
        "former_used": Keyring(desk.store, desk.clock, desk.master).uses(cluster),
    }


def member(desk: Desk, call: Call) -> Versioned[Cluster]:
    """Return the project's cluster that the path names: `NotFound` otherwise."""
    found = MEMBERS.load(desk.store, call.params["project"], call.params["cluster"])
    if found is None:
        raise NotFound(f"no cluster {call.params['cluster'][:80]!r} in project {call.params['project'][:80]!r}")
    return found


def _center(body: NewCluster, *, allow_local: bool) -> ChaosCenter | None:
    """Check the addresses of a new cluster and return its ChaosCenter: `Invalid` where two would take its orders."""
    if body.subscriber_url is not None and body.chaoscenter is not None:
        raise Invalid("a cluster has a subscriber_url or a chaoscenter, not both: each order has one taker")
    if body.subscriber_url is not None:
        check_subscriber(body.subscriber_url, allow_local=allow_local)
    if body.chaoscenter is None:
        return None
    check_center(body.chaoscenter.url, allow_local=allow_local)
    return ChaosCenter(**body.chaoscenter.model_dump())


def show(cluster: Cluster, presence: Presence | None, reach: Reach) -> dict[str, Any]:
    """Return a cluster as the API shows it, without its secrets; `circuit` says how orders reach it by POST."""
    return {
        "id": cluster.id,
        "name": cluster.name,
        "labels": cluster.labels,
        "subscriber_url": cluster.subscriber_url,
        "chaoscenter": cluster.chaoscenter and msgspec.to_builtins(cluster.chaoscenter),
        "created_at": cluster.created_at,
        "last_seen": presence and presence.last_seen,
        "clock_ahead": presence and presence.ahead,
        "circuit": {
            "state": reach.state,
            "failures": reach.failures,
            "reason": reach.reason or None,
            "since": reach.since or None,
            "retry_at": reach.retry_at or None,
        },
        "freeze": cluster.freeze and {"reason": cluster.freeze.reason, "at": cluster.freeze.at},
        "rotation": None,
    }
