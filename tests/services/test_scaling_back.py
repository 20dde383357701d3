"""A workload that is scaled and scaled back before anybody looked: going back is a change of its own."""

from __future__ import annotations

from itertools import product

import pytest

from shared.model.projects import Safety
from shared.rules.digests import digest
from tests.services.dispatch_stage import Stage
from tests.services.happenings import hear, scaled
from tests.services.watched_cluster import WatchedCluster

BELOW = {"a scale": "/scale", "a patch": ""}
WAYS = list(product(BELOW, BELOW))


@pytest.fixture
def cluster(stage: Stage) -> WatchedCluster:
    stage.settle(Safety(cooldown="0s", storm=None))
    made = WatchedCluster(stage, "c1")
    made.tell(made.api.create("web:1"))
    made.rest(60)
    return made


@pytest.mark.parametrize("known", ["created", "seen"])
@pytest.mark.parametrize("pause", [0.0, 0.2, 10.0])
@pytest.mark.parametrize("ways", WAYS, ids=" and ".join)
@pytest.mark.parametrize("told", ["reviews", "audit"])
def test_scaling_back_counts_by_one_kind_of_signals_alone(
    cluster: WatchedCluster, told: str, ways: tuple[str, str], pause: float, known: str
) -> None:
    if known == "seen":
        cluster.heartbeat()
    for replicas, how in zip((5, 2), ways, strict=True):
        hear(cluster, told, cluster.api.patch(scaled(replicas), below=BELOW[how]))
        if pause:
            cluster.rest(pause)
    cluster.rest(140)
    expected = {digest(2): 1} | ({digest(5): 1} if pause else {})
    assert expected == {one.digest: count for one, count in cluster.proved.items()}


@pytest.mark.parametrize("ways", WAYS, ids=" and ".join)
def test_scaling_back_counts_if_both_events_come_late_together(cluster: WatchedCluster, ways: tuple[str, str]) -> None:
    cluster.heartbeat()
    both = zip((5, 2), ways, strict=True)
    written = [cluster.api.patch(scaled(replicas), below=BELOW[how]) for replicas, how in both]
    cluster.wait(20)
    cluster.audit(*(one.event for one in written))
    cluster.rest(140)
    assert {digest(2): 1} == {one.digest: count for one, count in cluster.proved.items()}
