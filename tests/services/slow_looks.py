"""Orders that are looked at so rarely that only a watch can be why something happens to them."""

from dataclasses import replace
from typing import Any

from tests.services.chaos_cluster import DEPLOYMENTS, QUICK, ChaosCluster, order, send, until
from tests.services.chaos_manifests import engine
from tests.services.gate import Asked, Gate

SLOW = replace(QUICK, look=60.0, gap=0.1, chatter=0.0)
RUNNING = ["chaosengines", "chaosresults", "workflows"]


def pause(cluster: ChaosCluster, paused: bool | None) -> None:
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": paused}})


def waiting_for_a_rollout(cluster: ChaosCluster, **changes: Any) -> str:
    """Return an order that waits for a paused rollout."""
    made = cluster.deploy(image="app:2")
    pause(cluster, paused=True)
    guard = cluster.guard(made["metadata"]["uid"], "app:2")
    sent = order(manifest=engine(cluster.namespace), guard=guard)
    send(cluster.subscriber(pace=SLOW, **changes), sent)
    until(lambda: any("paused" in one.message for one in cluster.portal.of(sent.order)))
    return sent.order


def lists(gate: Gate) -> list[Asked]:
    return [one for one in gate.asked if one.method == "GET" and not one.watch]
