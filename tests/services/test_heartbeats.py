"""A subscriber's list of workloads, and what it shows whole: what webhooks lost is found, once, and nothing besides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.errors import BadInput, Unauthenticated
from shared.model.calls import Answer, Call
from shared.model.changes import GITOPS, WORKFLOW
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.model.projects import Cluster
from shared.rules import sides
from shared.rules.digests import sealing_key, side
from shared.rules.keys import subscriber_key
from shared.services.heartbeats import Heartbeats
from shared.services.ledger import stamp
from shared.services.reporting import Reporting
from shared.services.subscriber.forwarding import Forwarding
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.lookout import AUTOSCALERS, Lookout
from shared.services.subscriber.service import uncounted
from shared.services.subscriber.showing import Showing
from shared.services.tables import TRACKED
from shared.wire.admission import read_review
from shared.wire.standard_webhooks import sign
from tests.services.chaos_cluster import DEPLOYMENTS, ChaosCluster
from tests.services.watched import MASTER, House, altered, recorded

KEY = subscriber_key(MASTER, "c1", 1)
OPTED_IN = {"metadata": {"annotations": {GITOPS: "true", WORKFLOW: "web-pod-delete"}}}


@dataclass
class Watched:
    """A house whose portal hears the subscriber of cluster c1, which lists a real API's namespace."""

    house: House
    cluster: ChaosCluster
    asked: list[list[str]] = field(default_factory=list)
    letters: int = 0
    bodies: list[bytes] = field(default_factory=list)
    key: bytes = KEY

    def look(self, size: int = 4 << 20, first: Callable[[], None] = lambda: None, **kinds: str) -> list[str]:
        """Let the subscriber look once, some minutes later, and return the verdicts so far."""
        self.house.clock.advance(180)
        api = InOneNamespace(self.cluster)
        resources = {"Deployment": DEPLOYMENTS, **kinds}
        letters = self._letters()
        showing = Showing(letters, sealing_key(self.key), size)
        Lookout(api, letters, showing, resources, first)()  # type: ignore[arg-type]
        return self.house.verdicts()

    def keep(self, old: dict[str, Any], new: dict[str, Any]) -> Forwarding:
        """Let the API server ask about an update that ada makes, and nobody tell the portal yet."""
        review = deepcopy(recorded("deployment-image"))
        review["request"] |= {"uid": new_id(), "object": new, "oldObject": old, "userInfo": {"username": "ada"}}
        review["request"] |= {"name": "web", "namespace": self.cluster.namespace}
        forwarding = Forwarding(Showing(self._letters(), sealing_key(self.key)), uncounted)
        forwarding.keep(read_review(json.dumps(review).encode()), stamp(self.house.clock), 1)
        return forwarding

    def _letters(self) -> Letters:
        return Letters(self._portal, "c1", self.key, self.house.clock, new_id)

    def _portal(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", seconds: float = 10.0
    ) -> Answer:
        del seconds
        self.bodies.append(body)
        heartbeats = Heartbeats(self.house.watch, self.house.turns, self.house.count)
        reporting = Reporting(self.house.store, self.house.clock, new_id, MASTER, heartbeats)
        receive: Callable[[Call], Answer] = heartbeats.receive if "/changes/" in path else reporting.receive
        answer = receive(Call(method, path, {"cluster": "c1"}, headers=headers, body=body))
        found: Any = answer.body
        self.letters += "outcomes" in found
        if "send" in found:
            self.asked.append([one["name"] for one in found["send"]])
        return Answer(answer.status, json.dumps(found).encode())


class InOneNamespace:
    """The API of the shared double, of which the test sees its own namespace."""

    def __init__(self, cluster: ChaosCluster) -> None:
        self._cluster = cluster

    def list(self, resource: str) -> list[dict[str, Any]]:
        return self._cluster.api.list(resource, self._cluster.namespace)


@pytest.fixture
def watched(house: House, cluster: ChaosCluster) -> Watched:
    cluster.deploy()
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", OPTED_IN)
    return Watched(house, cluster)


def test_the_first_sight_is_tracked_and_triggers_nothing(watched: Watched) -> None:
    assert ["ignored"] == watched.look()
    [row] = watched.house.rows()
    assert ("heartbeat", "first sight") == (row.detail["source"], row.detail["rule"])


def test_a_change_that_no_webhook_told_of_triggers_once(watched: Watched) -> None:
    watched.look()
    watched.cluster.set_image("app:2")
    assert ["ignored", "triggered"] == watched.look()
    assert ["ignored", "triggered"] == watched.look()
    assert [["web"], ["web"], []] == watched.asked
    assert "" == watched.house.rows()[-1].detail["actor"]


def test_a_review_that_waits_is_told_before_the_look_and_names_who_it_was(watched: Watched) -> None:
    watched.look()
    old = watched.cluster.api.get(DEPLOYMENTS, watched.cluster.namespace, "web")
    forwarding = watched.keep(old, watched.cluster.set_image("app:2"))
    assert ["ignored", "triggered"] == watched.look(first=forwarding.flush)
    assert ([["web"], [], []], "ada") == (watched.asked, watched.house.rows()[-1].detail["actor"])


def test_what_a_crash_lost_is_found_by_the_next_look_and_a_late_review_adds_nothing(watched: Watched) -> None:
    watched.look()
    old = watched.cluster.api.get(DEPLOYMENTS, watched.cluster.namespace, "web")
    late = watched.keep(old, watched.cluster.set_image("app:2"))
    assert ["ignored", "triggered"] == watched.look()
    late.flush()
    assert ["ignored", "triggered"] == watched.house.verdicts()


def test_nothing_of_what_is_shown_leaves_in_plain(watched: Watched) -> None:
    watched.cluster.set_image("private:1")
    watched.look()
    assert [["web"]] == watched.asked
    assert not any(b"private" in body for body in watched.bodies)


def test_a_workload_that_was_known_in_plain_is_compared_with_its_sealed_sight(watched: Watched) -> None:
    shown = watched.cluster.api.get(DEPLOYMENTS, watched.cluster.namespace, "web")
    told = {"sightings": [{"id": "1", "at": stamp(watched.house.clock), "object": shown}]}
    heartbeats = Heartbeats(watched.house.watch, watched.house.turns, watched.house.count)
    heartbeats.receive(_sent(watched.house, json.dumps(told).encode(), KEY))
    watched.cluster.set_image("app:2")
    assert ["ignored", "triggered"] == watched.look()
    assert ["spec.template.spec.containers[0].image"] == watched.house.rows()[-1].detail["changed"]


def test_what_does_not_move_is_not_asked_for_and_writes_nothing(watched: Watched) -> None:
    watched.look()
    watched.house.store.calls.clear()
    watched.look()
    assert [["web"], []] == watched.asked
    assert 1 == watched.house.store.calls["commit"], "the sign of life alone"


def test_a_workload_that_has_not_opted_in_never_leaves_the_cluster(watched: Watched) -> None:
    watched.cluster.deploy("other")
    watched.look()
    assert [["web"]] == watched.asked


def test_a_kind_that_cannot_be_listed_keeps_no_other_from_being_seen(watched: Watched) -> None:
    watched.look(Rollout="argoproj.io/v1alpha1/rollouts")
    watched.cluster.api.delete(DEPLOYMENTS, watched.cluster.namespace, "web")
    watched.look(Rollout="argoproj.io/v1alpha1/rollouts")
    assert "deleted" == watched.house.rows()[-1].detail["rule"]


@pytest.mark.parametrize(
    ("size", "letters"), [pytest.param(1, 3, id="one a letter"), pytest.param(1 << 20, 1, id="all in one")]
)
def test_what_is_asked_for_goes_in_letters_of_bounded_size(watched: Watched, size: int, letters: int) -> None:
    for name in ("a", "b"):
        watched.cluster.deploy(name)
        watched.cluster.api.patch(DEPLOYMENTS, watched.cluster.namespace, name, OPTED_IN)
    assert ["ignored"] * 3 == watched.look(size)
    assert letters == watched.letters


def test_an_opt_out_and_a_changed_annotation_are_seen_too(watched: Watched) -> None:
    watched.look()
    watched.cluster.api.patch(
        DEPLOYMENTS, watched.cluster.namespace, "web", {"metadata": {"annotations": {WORKFLOW: "another"}}}
    )
    watched.look()
    assert [["web"], ["web"]] == watched.asked
    assert ("another",) == watched.house.tracked(f"Deployment/{watched.cluster.namespace}/web").fact.experiments


def test_a_workload_that_is_gone_is_tracked_no_more(watched: Watched) -> None:
    watched.look()
    watched.cluster.api.delete(DEPLOYMENTS, watched.cluster.namespace, "web")
    watched.look()
    assert "deleted" == watched.house.rows()[-1].detail["rule"]
    assert watched.house.tracked(f"Deployment/{watched.cluster.namespace}/web").deleted_at


def test_replicas_that_an_autoscaler_may_have_moved_trigger_nothing(watched: Watched) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    watched.cluster.api.create(
        AUTOSCALERS,
        watched.cluster.namespace,
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9},
        },
    )
    watched.look()
    watched.cluster.api.patch(DEPLOYMENTS, watched.cluster.namespace, "web", {"spec": {"replicas": 5}})
    assert ["ignored", "ignored"] == watched.look()
    assert "autoscaler" == watched.house.rows()[-1].detail["rule"]


def test_what_admission_told_of_is_confirmed_and_not_sent(house: House) -> None:
    review = recorded("deployment-image")
    house.admit(review)
    assert ["triggered"] == house.verdicts()
    subject = next(iter(TRACKED.read(row) for row in house.store.query(TRACKED.partition("c1")))).value
    assert subject.candidate is not None
    heartbeats = Heartbeats(house.watch, house.turns, house.count)
    wanted = heartbeats.hear(*_listing(house, review))
    assert ([], None, ["triggered"]) == (
        wanted,
        house.tracked(subject.workload.subject).candidate,
        house.verdicts(),
    )


def test_a_denied_change_is_refuted_and_its_next_try_counts(house: House) -> None:
    review = recorded("deployment-image")
    house.admit(review)
    old = deepcopy(review)
    old["request"]["object"] = old["request"]["oldObject"]
    heartbeats = Heartbeats(house.watch, house.turns, house.count)
    assert [] == heartbeats.hear(*_listing(house, old))
    house.clock.advance(timedelta(minutes=3).total_seconds())
    house.admit(altered(review))
    assert ["triggered", "triggered"] == house.verdicts()


def test_whole_workloads_are_taken_from_the_subscriber_alone(house: House) -> None:
    heartbeats = Heartbeats(house.watch, house.turns, house.count)
    with pytest.raises(Unauthenticated):
        heartbeats.receive(_sent(house, b'{"sightings": []}', b"another key"))
    with pytest.raises(BadInput):
        heartbeats.receive(_sent(house, b"{", KEY))
    assert {"outcomes": []} == heartbeats.receive(_sent(house, b'{"sightings": []}', KEY)).body


def test_one_broken_object_takes_no_other_with_it(house: House) -> None:
    good = recorded("deployment-image")["request"]["object"]
    broken = b'{"kind": "Deployment", "metadata": {"name": "x"}, "spec": "\xff"}'
    told = b'{"sightings": [{"id": "1", "at": "%s", "object": %s}, {"id": "2", "at": "%s", "object": %s}]}'
    at = house.clock().isoformat().encode()
    heartbeats = Heartbeats(house.watch, house.turns, house.count)
    answer = heartbeats.receive(_sent(house, told % (at, broken, at, json.dumps(good).encode()), KEY))
    assert {"outcomes": ["broken", "ignored"]} == answer.body


def test_an_object_that_is_too_deep_to_be_kept_takes_no_other_with_it(house: House) -> None:
    at, good = house.clock().isoformat(), recorded("deployment-image")["request"]["object"]
    head = json.dumps({"kind": "Deployment", "metadata": good["metadata"]})[:-1]
    other = json.dumps(good | {"metadata": good["metadata"] | {"name": "other"}})
    heartbeats = Heartbeats(house.watch, house.turns, house.count)
    outcomes: list[list[str]] = []
    for levels in range(800, 1_000, 10):
        deep = f'{head}, "spec": {"[" * levels}{levels}{"]" * levels}}}'
        told = [
            f'{{"id": "{levels}-{number}", "at": "{at}", "object": {obj}}}' for number, obj in enumerate((deep, other))
        ]
        with suppress(BadInput):
            answer: Any = heartbeats.receive(_sent(house, f'{{"sightings": [{", ".join(told)}]}}'.encode(), KEY))
            outcomes.append(answer.body["outcomes"])
    assert "error" in {deep for deep, _ in outcomes}
    assert {"ignored", "repeat"} >= {good for _, good in outcomes}


def _sent(house: House, body: bytes, key: bytes) -> Call:
    headers = sign(key, new_id(), int(house.clock().timestamp()), body)
    return Call("POST", "/changes/c1", {"cluster": "c1"}, headers=headers, body=body)


def _listing(house: House, review: dict[str, Any]) -> tuple[Cluster, Heartbeat]:
    """Return cluster c1, and a heartbeat that lists the new side of a review."""
    obj = review["request"]["object"]
    seen, place = side(obj, sealing_key(KEY)), (obj["metadata"]["namespace"], obj["metadata"]["name"])
    listed = SeenWorkload("Deployment", *place, seen.uid, seen.digest, seen.generation, sides.marks(seen))
    return Cluster("c1", "shop", "c1", ""), Heartbeat(stamp(house.clock), workloads=(listed,), listed=("Deployment",))
