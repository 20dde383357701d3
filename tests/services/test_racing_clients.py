"""Clients that write one workload at once, changes that are denied and tried again: each counts once, none is lost."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.projects import Safety
from shared.rules.digests import digest
from tests.services.api_writes import ApiWrites, Json, Written
from tests.services.dispatch_stage import Stage
from tests.services.watched_cluster import WatchedCluster

IMAGE = "spec.template.spec.containers[0].image"
LOOSE = Safety(cooldown="0s", storm=None, ignore_rollbacks=False, ignore_zero=False)


@pytest.fixture
def cluster(stage: Stage) -> WatchedCluster:
    stage.settle(LOOSE)
    made = WatchedCluster(stage, "c1")
    made.tell(made.api.create("web:1"))
    made.rest(60)
    return made


def image(tag: str) -> list[Json]:
    return [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": f"web:{tag}"}]


def setting(name: str) -> Json:
    return {"spec": {"template": {"metadata": {"annotations": {name: "on"}}}}}


def race(api: ApiWrites, bodies: list[Any]) -> list[Written]:
    """Have each of these patches admitted before the one before it is written, so that all but one are tried again."""
    made: list[Written] = []

    def one(number: int) -> None:
        later = (lambda: one(number + 1)) if number + 1 < len(bodies) else None
        media = "json" if isinstance(bodies[number], list) else "merge"
        made.append(api.patch(bodies[number], media=media, meanwhile=later))

    one(0)
    return made


def test_ten_clients_that_race_for_one_workload_trigger_once_each(cluster: WatchedCluster) -> None:
    written = race(cluster.api, [setting(f"client-{number}") for number in range(10)])
    for review in asked(written):
        cluster.review(review)
    assert (10, 19) == (sum(one.good for one in written), len(asked(written)))
    assert ["create", *["triggered"] * 10] == cluster.rules


def test_of_ten_clients_that_race_for_one_field_the_last_is_tried(cluster: WatchedCluster) -> None:
    written = race(cluster.api, [image(str(number)) for number in range(2, 12)])
    for review in asked(written):
        cluster.review(review)
        cluster.work()
    cluster.rest(70)
    assert {digest("web:2"): 1} == proved(cluster)


def asked(written: list[Written]) -> list[Json]:
    """Return the reviews in the order in which they were made."""
    reviews = [review for one in written for review in one.reviews]
    return sorted(reviews, key=lambda one: int(one["request"]["oldObject"]["metadata"]["generation"]))


def proved(cluster: WatchedCluster) -> dict[str, int]:
    """Return how often each image was tried."""
    return {one.digest: count for one, count in cluster.proved.items() if one.path == IMAGE}


AFTER = (0.5, 5, 29, 31, 55, 59, 60, 61, 65, 75, 89, 91, 119, 121, 200)


@pytest.mark.parametrize("latency", [0, 8], ids=["taken at once", "taken late"])
@pytest.mark.parametrize("after", AFTER, ids=lambda seconds: f"after {seconds} s")
@pytest.mark.parametrize("safety", [LOOSE, Safety(ignore_rollbacks=False)], ids=["no cooldown", "cooldown"])
def test_a_denied_change_that_is_tried_again_counts_once(
    cluster: WatchedCluster, after: float, latency: float, safety: Safety
) -> None:
    cluster.stage.settle(safety)
    cluster.tell(cluster.api.patch(image("2"), media="json", denied=True))
    if after > latency:
        cluster.wait(latency)
    cluster.rest(after)
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    cluster.rest(70)
    assert {digest("web:2"): 1} == proved(cluster)


@pytest.mark.parametrize("pause", [7, 20, 35, 70])
def test_a_change_that_is_denied_many_times_counts_once_it_is_let_in(cluster: WatchedCluster, pause: float) -> None:
    for attempt in range(10):
        cluster.tell(cluster.api.patch(image("2"), media="json", denied=attempt < 9))
        cluster.rest(pause)
    cluster.rest(70)
    assert {digest("web:2"): 1} == proved(cluster)


@pytest.mark.parametrize("seconds", [58.0, 59.5, 59.9])
def test_a_change_that_is_persisted_after_its_guard_gave_up_is_found_by_a_heartbeat(
    cluster: WatchedCluster, seconds: float
) -> None:
    cluster.tell(cluster.api.patch(image("2"), media="json", denied=True))
    cluster.rest(seconds)
    late = cluster.api.patch(image("2"), media="json", denied=True)
    cluster.tell(late)
    cluster.rest(60.5 - seconds)
    cluster.api.patch(image("2"), media="json")
    cluster.rest(10)
    assert {} == proved(cluster)
    cluster.heartbeat()
    cluster.rest(70)
    cluster.heartbeat()
    cluster.rest(70)
    assert {digest("web:2"): 1} == proved(cluster)


def test_a_change_that_is_made_again_after_it_was_undone_counts_again(cluster: WatchedCluster) -> None:
    for tag in ("2", "1", "2"):
        cluster.tell(cluster.api.patch(image(tag), media="json"))
        cluster.rest(10)
    assert {digest("web:2"): 2, digest("web:1"): 1} == proved(cluster)


def test_a_change_made_again_counts_again_though_it_was_undone_unseen(cluster: WatchedCluster) -> None:
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    cluster.rest(10)
    cluster.api.patch(image("1"), media="json")
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    cluster.rest(10)
    assert {digest("web:2"): 2} == proved(cluster)


def test_a_change_that_started_nothing_is_decided_anew_when_it_is_tried_again(cluster: WatchedCluster) -> None:
    cluster.run("argo-chaos")
    cluster.tell(cluster.api.patch(image("2"), media="json", denied=True))
    cluster.run()
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    cluster.rest(10)
    assert (["create", "open run", "triggered"], {digest("web:2"): 1}) == (cluster.rules, proved(cluster))


def test_a_scale_that_is_denied_and_tried_again_counts_once(cluster: WatchedCluster) -> None:
    for denied in (True, False):
        cluster.tell(cluster.api.patch({"spec": {"replicas": 5}}, below="/scale", denied=denied))
        cluster.rest(5)
    assert {"spec.replicas": 1} == {one.path: count for one, count in cluster.proved.items()}


def test_a_workload_whose_deletion_was_denied_is_judged_on_when_it_is_scaled(cluster: WatchedCluster) -> None:
    cluster.tell(cluster.api.delete(denied=True))
    cluster.tell(cluster.api.patch({"spec": {"replicas": 5}}, below="/scale"))
    cluster.rest(5)
    assert {"spec.replicas": 1} == {one.path: count for one, count in cluster.proved.items()}


def test_a_change_told_by_audit_counts_after_a_scale_that_was_denied_and_one_that_was_not(
    cluster: WatchedCluster,
) -> None:
    cluster.heartbeat()
    cluster.tell(cluster.api.patch({"spec": {"replicas": 5}}, below="/scale", denied=True))
    scaled = cluster.api.patch({"spec": {"replicas": 6}}, below="/scale")
    cluster.tell(scaled, reviews=False, audit=True)
    cluster.wait(1)
    cluster.tell(cluster.api.patch(image("2"), media="json"), reviews=False, audit=True)
    cluster.rest(140)
    assert {digest("web:2"): 1} == proved(cluster)
