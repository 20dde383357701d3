"""Where a managed cluster's log shows no object, the subscriber's next look settles what happened, once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.services.ledger import stamp
from tests import feeds
from tests.feeds import FEEDS
from tests.services.chaos_cluster import DEPLOYMENTS, ChaosCluster
from tests.services.test_heartbeats import OPTED_IN, Watched
from tests.services.watched import House

ME = {"username": "ada@example.com"}
CLOUDS = [name for name in FEEDS if name != "webhook"]


@pytest.fixture
def watched(house: House, cluster: ChaosCluster) -> Watched:
    cluster.deploy()
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", OPTED_IN)
    found = Watched(house, cluster)
    assert ["ignored"] == found.look()
    return found


def patched(watched: Watched, obj: Any = None, **fields: Any) -> dict[str, Any]:
    """Return the audit event of a patch of `web` a moment ago, with the object that it shows."""
    place = {"apiGroup": "apps", "apiVersion": "v1", "resource": "deployments"}
    shown = {} if obj is None else {"responseObject": obj}
    return {
        "auditID": new_id(),
        "stage": "ResponseComplete",
        "requestURI": "",
        "verb": "patch",
        "user": ME,
        "userAgent": "kubectl",
        "objectRef": {**place, "namespace": watched.cluster.namespace, "name": "web"},
        "responseStatus": {"code": 200},
        "stageTimestamp": stamp(watched.house.clock),
        **shown,
        **fields,
    }


def hear(watched: Watched, feed: str, event: dict[str, Any]) -> None:
    for headers, body in FEEDS[feed]([event]):
        watched.house.hear(body, headers=headers)


@pytest.mark.parametrize("feed", CLOUDS)
def test_a_change_without_its_object_is_counted_and_found_by_the_next_look(watched: Watched, feed: str) -> None:
    watched.cluster.set_image("app:2")
    hear(watched, feed, patched(watched))
    assert (1, ["ignored"]) == (watched.house.counted["no_object"], watched.house.verdicts())
    assert ["ignored", "triggered"] == watched.look()
    assert ["ignored", "triggered"] == watched.look()


def test_an_object_too_large_for_azure_is_found_by_the_next_look(watched: Watched) -> None:
    watched.cluster.set_image("app:2")
    hear(watched, "aks", patched(watched, feeds.SKIPPED, requestObject=feeds.SKIPPED))
    assert 1 == watched.house.counted["no_object"]
    assert ["ignored", "triggered"] == watched.look()


@pytest.mark.parametrize("feed", CLOUDS)
def test_what_a_feed_showed_whole_the_next_look_knows(watched: Watched, feed: str) -> None:
    hear(watched, feed, patched(watched, watched.cluster.set_image("app:2")))
    assert ["ignored", "triggered"] == watched.house.verdicts()
    assert "ada@example.com" == watched.house.rows()[-1].detail["actor"]
    assert ["ignored", "triggered"] == watched.look()
    assert [] == watched.asked[-1], "it is the very same to the subscriber"


def test_a_deletion_without_an_object_is_told_by_its_name(watched: Watched) -> None:
    watched.cluster.api.delete(DEPLOYMENTS, watched.cluster.namespace, "web")
    event = patched(watched, verb="delete")
    hear(watched, "gke", event)
    assert "deleted" == watched.house.rows()[-1].detail["rule"]
