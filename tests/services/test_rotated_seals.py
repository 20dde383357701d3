"""What was sealed under a key that rotation replaced is compared and proved while that can be, and never mistaken."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from shared.model.changes import Changed, Side
from shared.model.orders import Guard
from shared.rules.digests import digest, key_name, seal, sealing_key, side
from shared.rules.keys import subscriber_key
from shared.rules.rotation import rotated
from shared.services.tables import CLUSTERS
from shared.services.watching import Context
from tests.services.chaos_cluster import DEPLOYMENTS, KEY, SECRET, ChaosCluster, order
from tests.services.test_heartbeats import OPTED_IN, Watched
from tests.services.watched import MASTER, House, recorded

OTHER = "whsec_YW5vdGhlci1rZXktb2YtdGhlLXRlc3RzLTAwMDAwMQ=="
IMAGE = "spec.template.spec.containers[0].image"


@pytest.fixture
def watched(house: House, cluster: ChaosCluster) -> Watched:
    cluster.deploy()
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", OPTED_IN)
    return Watched(house, cluster)


def rotate(house: House, grace: float = 86_400.0) -> None:
    found = CLUSTERS.load(house.store, "c1")
    assert found is not None
    house.store.commit([CLUSTERS.replace(found, rotated(found.value, grace, house.clock()))])


def switch(watched: Watched, version: int) -> None:
    """Have the subscriber start anew with the secret of a version."""
    watched.key = subscriber_key(MASTER, "c1", version)


def test_a_rotation_is_no_change_whenever_the_subscriber_gets_its_new_key(watched: Watched) -> None:
    assert ["ignored"] == watched.look()
    rotate(watched.house)
    assert ["ignored"] == watched.look()
    switch(watched, 2)
    assert ["ignored"] == watched.look()
    assert [["web"], [], []] == watched.asked


def test_within_the_grace_a_subscriber_with_the_former_key_goes_on_as_ever(watched: Watched) -> None:
    watched.look()
    rotate(watched.house)
    watched.cluster.set_image("app:2")
    assert ["ignored", "triggered"] == watched.look()


@pytest.mark.parametrize("version", [1, 2])
def test_what_reviews_told_whole_is_compared_under_whichever_key_the_subscriber_has(
    watched: Watched, version: int
) -> None:
    rotate(watched.house)
    switch(watched, version)
    told(watched)
    watched.cluster.set_image("app:2")
    assert "triggered" == watched.look()[-1]


def told(watched: Watched) -> None:
    """Have the API server tell the portal itself of a label that the live object got."""
    old = watched.cluster.api.get(DEPLOYMENTS, watched.cluster.namespace, "web")
    new = deepcopy(old)
    new["metadata"]["labels"] = {"app": "web"}
    review = recorded("deployment-image")
    review["request"] |= {"uid": "whole", "object": new, "oldObject": old, "name": "web"}
    review["request"] |= {"namespace": watched.cluster.namespace}
    watched.house.admit(review)
    assert watched.house.tracked(f"Deployment/{watched.cluster.namespace}/web") is not None


def test_after_the_switch_what_the_former_key_sealed_is_seen_anew_and_triggers_nothing(watched: Watched) -> None:
    watched.look()
    rotate(watched.house)
    switch(watched, 2)
    watched.cluster.set_image("app:2")
    assert ["ignored", "ignored"] == watched.look()
    assert "first sight" == watched.house.rows()[-1].detail["rule"]
    watched.cluster.set_image("app:3")
    assert ["ignored", "ignored", "triggered"] == watched.look()


def secret(under: str) -> Side:
    """Return a Secret as it was kept, its values sealed under the first key; `under` is what it says of that."""
    obj: dict[str, Any] = {"kind": "Secret", "metadata": {"uid": "u"}, "data": {"a": "aHVudGVyMg=="}}
    return msgspec.structs.replace(side(obj, sealing_key(subscriber_key(MASTER, "c1", 1))), under=under)


FIRST, SECOND = (key_name(sealing_key(subscriber_key(MASTER, "c1", version))) for version in (1, 2))


@pytest.mark.parametrize("under", [pytest.param("", id="kept by a former release"), pytest.param(FIRST, id="kept now")])
@pytest.mark.parametrize("name", [FIRST, SECOND, ""])
def test_a_secret_never_passes_for_sealed_under_another_key_than_its_own(house: House, under: str, name: str) -> None:
    assert FIRST == house.watch.covered(context(house), secret(under), name).sealed
    rotate(house)
    mixed = f"{FIRST} {SECOND}"
    expected = mixed if name == SECOND else FIRST
    assert expected == house.watch.covered(context(house), secret(under), name).sealed
    house.clock.advance(86_400)
    assert mixed == house.watch.covered(context(house), secret(under), name).sealed


def context(house: House) -> Context:
    house.clock.advance(10)
    found = house.watch.registered("c1")
    made = house.watch.context(found) if found else None
    assert made is not None
    return made


def test_within_a_grace_the_portal_seals_as_a_subscriber_can_prove_that_has_the_former_key(house: House) -> None:
    rotate(house, 60.0)
    cluster = context(house).cluster.value
    assert FIRST == key_name(house.watch.seal(cluster))
    house.clock.advance(60)
    assert SECOND == key_name(house.watch.seal(cluster))


@pytest.mark.parametrize(
    ("secrets", "phase"),
    [
        pytest.param((SECRET,), "rollout", id="not switched yet"),
        pytest.param((OTHER, SECRET), "rollout", id="the new one and the former"),
        pytest.param((OTHER,), "proving", id="the new one alone"),
    ],
)
def test_an_order_for_a_change_that_the_former_key_sealed_is_proved_by_who_has_that_key(
    cluster: ChaosCluster, secrets: tuple[str, ...], phase: str
) -> None:
    uid = cluster.deploy(image="app:2")["metadata"]["uid"]
    hidden = digest(seal("app:2", sealing_key(KEY)))
    guard = Guard(cluster.guard(uid, "app:2").workload, uid, (Changed(IMAGE, hidden),), "10m")
    subscriber = cluster.subscriber(secrets=secrets)
    taken = subscriber.records.take(order("prove", guard=guard), subscriber.steps.begin("prove"))
    assert taken is not None
    assert phase == subscriber.steps.proving.prove(taken).record.progress.phase
