"""Rotation of a cluster's secrets: every way in takes the former ones within the grace, and never after."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.clients.sqlite import Database
from shared.errors import LitmusGitopsError, Unauthenticated
from shared.model.calls import Call
from shared.model.projects import Cluster
from shared.model.schedules import Placed, Wanted
from shared.rules.keys import ACCESS_KEY, shown, subscriber_key, token
from shared.services.admission import Admission
from shared.services.api.clusters import Clusters
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from shared.services.api.rotating import Rotating
from shared.services.audit import Audit
from shared.services.intake import Intake
from shared.services.notifying import Notifying
from shared.services.sightings import Sightings
from shared.services.tables import CLUSTERS, FORMER_USES, MEMBERS
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.wire.standard_webhooks import verify
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import Stage
from tests.services.watched import recorded

C1 = "/projects/shop/clusters/c1"
ROTATE = f"{C1}/rotate"
BEAT = b'{"heartbeat": {"at": "2026-10-30T09:00:00Z"}}'
DAY = 86_400.0
REVIEW = recorded("deployment-image-not-annotated")
NOTIFIER = 'mutation { gitopsNotifier(clusterInfo: {infraID: "c1", version: "3", accessKey: "%s"}, experimentID: "x") }'


@pytest.fixture
def api(stage: Stage) -> Api:
    desk = Desk(stage.store, stage.clock, new_id, MASTER, "https://portal.example.org", allow_local=True)
    return client([*Projects(desk).operations(), *Clusters(desk).operations(), *Rotating(desk).operations()])


class Ways:
    """Every way in of cluster c1, each tried with the secrets of a version; two processes remember the cluster."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.watch = Watch(stage.store, stage.clock, MASTER)
        turns = Turns(Sightings(self.watch, new_id, frozenset()), self.count)
        self.admission = Admission(self.watch, turns, self.count, Intake(stage.store))
        self.audit = Audit(self.watch, turns, self.count)

    def count(self, name: str, **labels: str) -> None:
        """Count nothing."""

    def subscriber(self, path: str, version: int) -> Call:
        sent = b'{"sightings": []}' if path == "changes" else b"" if path == "orders" else BEAT
        return self.stage.call(f"/{path}/c1", sent, "c1", subscriber_key(MASTER, "c1", version))

    def feed(self, purpose: str, version: int) -> Call:
        sent = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []} if purpose == "audit" else REVIEW
        params = {"cluster": "c1", "token": token(MASTER, purpose, "c1", version)}
        return Call("POST", f"/{purpose}/x/y", params, body=json.dumps(sent).encode())

    def notifier(self, version: int) -> None:
        parts = self.stage
        notifying = Notifying(parts.store, parts.dispatching, parts.clock, new_id, MASTER)
        said = {"query": NOTIFIER % token(MASTER, ACCESS_KEY, "c1", version)}
        answer: Any = notifying.receive(Call("POST", "/api/query", body=json.dumps(said).encode())).body
        if "ACCESS_DENIED" in str(answer):
            raise Unauthenticated("denied")

    def tried(self, way: str, version: int) -> bool:
        """Say whether a way in takes the secrets of a version."""
        ways: dict[str, Callable[[], object]] = {
            "reports": lambda: self.stage.reporting.receive(self.subscriber("reports", version)),
            "orders": lambda: self.stage.polling.poll(self.subscriber("orders", version)),
            "changes": lambda: self.stage.reporting.heartbeats.receive(self.subscriber("changes", version)),
            "admission": lambda: self.admission.admit(self.feed("admission", version)),
            "audit": lambda: self.audit.hear(self.feed("audit", version)),
            "access key": lambda: self.notifier(version),
        }
        try:
            ways[way]()
        except Unauthenticated:
            return False
        return True


each_way = pytest.mark.parametrize("way", ["reports", "orders", "changes", "admission", "audit", "access key"])


@each_way
def test_both_secrets_count_within_the_grace_and_the_new_one_alone_after_it(api: Api, stage: Stage, way: str) -> None:
    ways = Ways(stage)
    assert (True, False) == (ways.tried(way, 1), ways.tried(way, 2))
    assert 200 == api("POST", ROTATE, {"grace": "1h"}).status
    assert (True, True, False) == (ways.tried(way, 2), ways.tried(way, 1), ways.tried(way, 3))
    stage.clock.advance(3599.0)
    assert (True, True, False) == (ways.tried(way, 2), ways.tried(way, 1), ways.tried(way, 0))
    stage.clock.advance(1.0)
    assert (True, False) == (ways.tried(way, 2), ways.tried(way, 1))


@each_way
def test_a_grace_ends_early_when_a_person_says_so_wherever_the_cluster_is_remembered(
    api: Api, stage: Stage, way: str
) -> None:
    ways = Ways(stage)
    api("POST", ROTATE)
    assert ways.tried(way, 1)
    assert 204 == api("DELETE", ROTATE).status
    stage.clock.advance(6.0)
    assert (True, False) == (ways.tried(way, 2), ways.tried(way, 1))


def test_without_a_grace_the_former_secrets_end_at_once(api: Api, stage: Stage) -> None:
    shows = body(api("POST", ROTATE, {"grace": "0s"}))
    ways = Ways(stage)
    assert (None, True, False) == (shows["rotation"], ways.tried("reports", 2), ways.tried("reports", 1))


def test_the_new_secrets_are_shown_this_once_and_are_those_of_the_next_version(api: Api) -> None:
    shows = body(api("POST", ROTATE))
    base = "https://portal.example.org"
    assert {
        "subscriber_secret": shown(subscriber_key(MASTER, "c1", 2)),
        "access_key": token(MASTER, ACCESS_KEY, "c1", 2),
        "admission_url": f"{base}/admission/c1/{token(MASTER, 'admission', 'c1', 2)}",
        "audit_url": f"{base}/audit/c1/{token(MASTER, 'audit', 'c1', 2)}",
    }.items() <= shows.items()
    [listed] = body(api("GET", "/projects/shop/clusters"))["items"]
    assert set() == {"subscriber_secret", "access_key", "admission_url", "audit_url"} & listed.keys()


def test_a_list_tells_until_when_the_former_secrets_count_and_who_used_them_last(api: Api, stage: Stage) -> None:
    ways, until = Ways(stage), "2100-01-02T00:00:00.000Z"
    [before] = body(api("GET", "/projects/shop/clusters"))["items"]
    api("POST", ROTATE)
    assert (None, {"former": [{"version": 1, "until": until}], "until": until, "former_used": {}}) == (
        before["rotation"],
        rotation(api),
    )
    ways.tried("reports", 2)
    assert {} == rotation(api)["former_used"]
    stage.clock.advance(30.0)
    for way in ("reports", "admission"):
        ways.tried(way, 1)
    assert dict.fromkeys(("subscriber", "admission"), "2100-01-01T00:00:30.000Z") == rotation(api)["former_used"]
    stage.clock.advance(59.0)
    ways.tried("orders", 1)
    stage.clock.advance(1.0)
    ways.tried("audit", 1)
    assert {
        "subscriber": "2100-01-01T00:00:30.000Z",
        "admission": "2100-01-01T00:00:30.000Z",
        "audit": "2100-01-01T00:01:30.000Z",
    } == rotation(api)["former_used"]
    ways.tried("changes", 1)
    assert "2100-01-01T00:01:30.000Z" == rotation(api)["former_used"]["subscriber"]
    stage.clock.advance(DAY)
    [after] = body(api("GET", "/projects/shop/clusters"))["items"]
    assert after["rotation"] is None


def test_uses_of_secrets_that_do_not_count_any_more_are_not_told(api: Api, stage: Stage) -> None:
    ways = Ways(stage)
    api("POST", ROTATE)
    ways.tried("reports", 1)
    api("POST", ROTATE, {"grace": "1h"})
    api("DELETE", ROTATE)
    api("POST", ROTATE)
    assert ([3], {}) == ([one["version"] for one in rotation(api)["former"]], rotation(api)["former_used"])


def test_a_use_is_told_as_long_as_the_secret_counts_that_was_used(api: Api, stage: Stage) -> None:
    ways = Ways(stage)
    api("POST", ROTATE, {"grace": "10s"})
    ways.tried("reports", 1)
    api("POST", ROTATE, {"grace": "1h"})
    stage.clock.advance(5.0)
    ways.tried("reports", 2)
    stage.clock.advance(5.0)
    assert {"subscriber": "2100-01-01T00:00:05.000Z"} == rotation(api)["former_used"]


def test_within_a_grace_alone_a_remembered_cluster_is_looked_up_under_the_deadline(api: Api, stage: Stage) -> None:
    watch = Watch(stage.store, stage.clock, MASTER)
    watch.registered("c1")
    assert watch.recalls("c1")
    api("POST", ROTATE, {"grace": "10s"})
    stage.clock.advance(6.0)
    watch.registered("c1")
    assert not watch.recalls("c1")
    stage.clock.advance(4.0)
    assert watch.recalls("c1")


def test_a_note_of_a_use_that_cannot_be_written_costs_no_call(api: Api, stage: Stage) -> None:
    ways = Ways(stage)
    api("POST", ROTATE)
    with closing(Database(stage.database.path, patience=0.05)) as other, other.write():
        assert ways.tried("audit", 1)
    assert [] == stage.store.query(FORMER_USES.partition("c1"))


def test_ending_a_grace_that_is_over_by_itself_is_no_event(api: Api, stage: Stage) -> None:
    api("POST", ROTATE, {"grace": "1h"})
    stage.clock.advance(3600.0)
    assert (204, ["rotated"]) == (api("DELETE", ROTATE).status, stage.verdicts("cluster"))


def test_secrets_that_got_lost_are_rotated_again_and_the_ones_in_use_count_on(api: Api, stage: Stage) -> None:
    ways = Ways(stage)
    api("POST", ROTATE)
    stage.clock.advance(3600.0)
    api("POST", ROTATE)
    assert [True, True, True] == [ways.tried("reports", version) for version in (1, 2, 3)]
    stage.clock.advance(DAY - 3600.0)
    assert [False, True, True] == [ways.tried("reports", version) for version in (1, 2, 3)]


def test_more_rotations_than_can_be_under_way_at_once_are_refused_with_the_mend(api: Api) -> None:
    assert [200] * 4 == [api("POST", ROTATE).status for _ in range(4)]
    refused = api("POST", ROTATE)
    assert (409, True) == (refused.status, "end their grace first" in str(body(refused)))
    assert 200 == api("POST", ROTATE, {"grace": "0s"}).status


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param({"grace": "soon"}, "no duration", id="no duration"),
        pytest.param({"grace": "31d"}, "over 30d", id="too long"),
        pytest.param({"grace": None}, "grace", id="null"),
        pytest.param({"for": "1h"}, "for", id="another name"),
    ],
)
def test_a_wrong_grace_is_refused_and_rotates_nothing(api: Api, stage: Stage, wrong: object, words: str) -> None:
    refused = api("POST", ROTATE, wrong)
    assert (422, True) == (refused.status, words in str(body(refused)))
    assert not Ways(stage).tried("reports", 2)


@pytest.mark.parametrize("path", ["/projects/shop/clusters/c9/rotate", "/projects/none/clusters/c1/rotate"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_cluster_of_nobody_or_of_another_project_is_not_rotated(api: Api, method: str, path: str) -> None:
    assert 404 == api(method, path).status


def test_the_ledger_says_who_rotated_and_when_and_never_a_secret(api: Api, stage: Stage) -> None:
    shows = body(api("POST", ROTATE, {"grace": "1h"}, **{"x-editor": "Ada <ada@example.org>"}))
    api("DELETE", ROTATE)
    api("DELETE", ROTATE)
    rotated, settled = stage.rows("cluster")
    assert ("rotated", "c1", "2100-01-01T00:00:00.000Z") == (rotated.verdict, rotated.subject, rotated.at)
    assert (
        "Ada <ada@example.org> raised the secrets to version 2; version 1 counts until 2100-01-01T01:00:00.000Z"
        == rotated.reason
    )
    assert {"by": "Ada <ada@example.org>", "version": 2} == rotated.detail
    assert ("settled", True) == (settled.verdict, "version 2 alone counts" in settled.reason)
    told = msgspec.json.encode(stage.rows("cluster")).decode()
    for name in ("subscriber_secret", "access_key", "admission_url", "audit_url"):
        assert shows[name].rsplit("/", 1)[-1] not in told


@pytest.mark.parametrize("version", [1, 2])
def test_an_order_that_is_polled_for_is_signed_for_a_subscriber_with_either_secret(
    api: Api, stage: Stage, version: int
) -> None:
    stage.cluster("c1", None)
    stage.change()
    stage.pump()
    api("POST", ROTATE)
    answer = stage.polling.poll(Ways(stage).subscriber("orders", version))
    assert isinstance(answer.body, bytes)
    for key in (1, 2):
        verify([subscriber_key(MASTER, "c1", key)], answer.headers, answer.body, stage.clock().timestamp())
    assert 1 == len(json.loads(answer.body)["items"])


@pytest.mark.parametrize("version", [1, 2])
def test_an_order_that_is_sent_is_taken_by_a_subscriber_with_either_secret(
    api: Api, stage: Stage, version: int
) -> None:
    api("POST", ROTATE)
    stage.subscriber.keys = [subscriber_key(MASTER, "c1", version)]
    stage.change()
    stage.pump()
    assert ["taken"] == [order.state for order in stage.orders()]


def test_after_the_grace_an_order_is_not_signed_with_the_former_secret(api: Api, stage: Stage) -> None:
    api("POST", ROTATE, {"grace": "0s"})
    stage.change()
    stage.pump()
    assert ["ready"] == [order.state for order in stage.orders()]


def test_a_decision_that_rotation_overtook_is_made_anew(api: Api, stage: Stage) -> None:
    watch = Watch(stage.store, stage.clock, MASTER)
    found = watch.registered("c1")
    context = watch.context(found) if found else None
    api("POST", ROTATE)
    assert context is not None
    with pytest.raises(LitmusGitopsError):
        stage.store.commit(context.checks)
    renewed = watch.renew(context)
    assert renewed is not None
    assert 2 == renewed.cluster.value.version
    stage.store.commit(renewed.checks)


def test_a_rotated_cluster_is_no_other_cluster_to_a_schedule(api: Api, stage: Stage) -> None:
    before = MEMBERS.load(stage.store, "shop", "c1")
    api("POST", ROTATE)
    after, again = MEMBERS.load(stage.store, "shop", "c1"), CLUSTERS.load(stage.store, "c1")
    assert before is not None
    assert after is not None
    assert again is not None
    placed = Placed("o", "install", before.value.registered_as, Wanted("b"))
    assert (placed.version, 2, after.value) == (after.value.registered_as, after.value.version, again.value)


def test_a_cluster_that_is_registered_anew_after_rotations_gets_secrets_that_none_had(api: Api, stage: Stage) -> None:
    api("POST", ROTATE)
    assert 204 == api("DELETE", C1).status
    assert 201 == api("POST", "/projects/shop/clusters", {"id": "c1", "name": "x"}).status
    ways = Ways(stage)
    assert [False, False, True] == [ways.tried("reports", version) for version in (1, 2, 3)]


def test_a_cluster_that_was_stored_before_there_was_rotation_is_rotated_like_any_other(api: Api, stage: Stage) -> None:
    old = {"id": "c1", "project": "shop", "name": "c1", "created_at": "", "version": 4}
    cluster = msgspec.convert(old, Cluster)
    for put in (CLUSTERS.put(cluster, "c1"), MEMBERS.put(cluster, "shop", "c1")):
        written = {name: value for name, value in msgspec.json.decode(put.value).items() if name in old}
        stage.store.commit([msgspec.structs.replace(put, value=msgspec.json.encode(written))])
    ways = Ways(stage)
    assert [False, True, False] == [ways.tried("reports", version) for version in (3, 4, 5)]
    assert 200 == api("POST", ROTATE).status
    assert [False, True, True] == [ways.tried("reports", version) for version in (3, 4, 5)]


def test_once_the_master_key_is_another_a_rotation_shows_secrets_that_count(stage: Stage) -> None:
    other = bytes(reversed(MASTER))
    desk = Desk(stage.store, stage.clock, new_id, other, "https://portal.example.org", allow_local=True)
    made = client([*Clusters(desk).operations(), *Rotating(desk).operations()])("POST", ROTATE, {"grace": "0s"})
    reporting = replace(stage.reporting, master=other)
    key = subscriber_key(other, "c1", 2)
    assert shown(key) == body(made)["subscriber_secret"]
    assert 200 == reporting.receive(stage.call("/reports/c1", BEAT, "c1", key)).status
    for former in (subscriber_key(MASTER, "c1", 1), subscriber_key(MASTER, "c1", 2), subscriber_key(other, "c1", 1)):
        with pytest.raises(Unauthenticated):
            reporting.receive(stage.call("/reports/c1", BEAT, "c1", former))


def rotation(api: Api) -> Any:
    """Return how the rotation of the one cluster stands."""
    return body(api("GET", "/projects/shop/clusters"))["items"][0]["rotation"]
