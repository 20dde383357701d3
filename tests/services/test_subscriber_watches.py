"""Watches wake orders: nearly all of these looks are so slow that only a hint can be why something happens."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.model.changes import Changed
from shared.model.orders import Guard, Target
from shared.rules.digests import digest
from tests.services.chaos_cluster import (
    DEPLOYMENTS,
    ENGINES,
    QUICK,
    WORKFLOWS,
    ChaosCluster,
    engine,
    order,
    prepare,
    send,
    until,
    workflow,
)
from tests.services.gate import Asked, Gate, gate_before

SLOW = replace(QUICK, look=60.0, gap=0.1, chatter=0.0)
RUNNING = ["chaosengines", "chaosresults", "workflows"]


@pytest.fixture
def gate(cluster: ChaosCluster, tmp_path: Path) -> Iterator[Gate]:
    """Every subscriber of the test goes through it."""
    with gate_before(cluster.kubeconfig, tmp_path) as (gate, api):
        cluster.api = api
        yield gate
        for one in cluster.started:
            one.stop()


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


def test_a_finished_workflow_is_reported_within_half_a_second_though_the_look_is_slow(cluster: ChaosCluster) -> None:
    sent = order(manifest=workflow(cluster.namespace))
    send(cluster.subscriber(pace=SLOW), sent)

    def finished() -> bool:
        return any((one.get("status") or {}).get("phase") == "Succeeded" for one in cluster.created(WORKFLOWS))

    until(finished)
    began = time.monotonic()
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert time.monotonic() - began < 0.5


def test_a_change_that_is_persisted_after_its_review_is_proved_at_once(cluster: ChaosCluster) -> None:
    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(uid, "app:2"))
    send(cluster.subscriber(pace=SLOW), sent)
    until(lambda: any("not persisted yet" in one.message for one in cluster.portal.of(sent.order)))
    cluster.set_image("app:2")
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_a_rollout_that_goes_on_wakes_the_order_that_waits_for_it(cluster: ChaosCluster) -> None:
    sent = waiting_for_a_rollout(cluster)
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def test_the_workload_that_a_setting_names_is_watched_too(cluster: ChaosCluster) -> None:
    cluster.deploy()
    pause(cluster, paused=True)
    metadata = {"name": "settings", "annotations": {"litmuschaos.io/workload": "Deployment/web"}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"level": "high"}}
    uid = cluster.api.create("v1/configmaps", cluster.namespace, body)["metadata"]["uid"]
    target = Target("ConfigMap", cluster.namespace, "settings")
    sent = order(manifest=engine(cluster.namespace), guard=Guard(target, uid, (Changed("data.level", digest("high")),)))
    send(cluster.subscriber(pace=SLOW), sent)
    until(lambda: any("paused" in one.message for one in cluster.portal.of(sent.order)))
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_a_run_that_only_a_pod_keeps_from_its_end_ends_with_the_pod(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace))
    send(cluster.subscriber(pace=replace(SLOW, grace=60.0)), sent)
    uid = until(lambda: cluster.created(ENGINES))[0]["metadata"]["uid"]
    spec = {"containers": [{"name": "runner", "image": "runner:1"}]}
    metadata = {"name": "runner", "labels": {"chaosUID": uid}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    cluster.api.create("v1/pods", cluster.namespace, pod)
    until(lambda: any("pod runner is not finished" in one.message for one in cluster.portal.of(sent.order)))
    cluster.api.delete("v1/pods", cluster.namespace, "runner")
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_nothing_is_watched_but_what_an_open_order_waits_for(cluster: ChaosCluster, gate: Gate) -> None:
    subscriber = cluster.subscriber(pace=SLOW)
    subscriber.start()
    until(lambda: cluster.portal.heartbeats)
    assert [] == gate.watched
    made = cluster.deploy(image="app:2")
    pause(cluster, paused=True)
    guard = cluster.guard(made["metadata"]["uid"], "app:2")
    sent = order(manifest=workflow(cluster.namespace, "takes-long"), guard=guard)
    send(subscriber, sent)
    until(lambda: gate.watched == ["deployments"])
    assert {"metadata.name=web"} == {one.query.get("fieldSelector") for one in gate.asked if one.watch}
    pause(cluster, paused=None)
    until(lambda: gate.watched == RUNNING)
    cluster.portal.last(sent.order, "completed")
    until(lambda: gate.watched == [])


def test_orders_share_their_watches(cluster: ChaosCluster, gate: Gate) -> None:
    subscriber = cluster.subscriber(pace=SLOW)
    orders = [order(manifest=workflow(cluster.namespace)) for _ in range(5)]
    for sent in orders:
        send(subscriber, sent)
    until(lambda: len(cluster.created(WORKFLOWS)) == 5)
    assert RUNNING == gate.watched
    for sent in orders:
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_a_watch_whose_connection_breaks_goes_on_where_it_was(cluster: ChaosCluster, gate: Gate) -> None:
    sent = waiting_for_a_rollout(cluster)
    for begun in range(1, 4):
        until(lambda begun=begun: gate.watches("deployments") == begun and gate.watched)  # type: ignore[misc]
        gate.cut()
    until(lambda: gate.watches("deployments") == 4)
    assert 1 == sum(one.plural == "deployments" and bool(one.query.get("fieldSelector")) for one in lists(gate))
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def lists(gate: Gate) -> list[Asked]:
    return [one for one in gate.asked if one.method == "GET" and not one.watch]


def test_a_watch_whose_past_is_forgotten_lists_anew(cluster: ChaosCluster, gate: Gate) -> None:
    """410 Gone, as an API server answers that has thrown its history away."""
    sent = waiting_for_a_rollout(cluster)
    until(lambda: gate.watched)
    gate.forgets = 1
    gate.cut()
    until(lambda: gate.forgets == 0 and gate.watched)
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def test_an_api_server_that_was_away_is_watched_again(
    cluster: ChaosCluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    sent = waiting_for_a_rollout(cluster)
    until(lambda: gate.watched)
    gate.shut = True
    gate.cut()
    until(lambda: not_watched(caplog))
    gate.shut = False
    until(lambda: gate.watched)
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent, "completed").verdict
    assert 1 == len(not_watched(caplog))


def not_watched(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.message.startswith("not watched for now")]


def test_a_role_that_may_not_watch_still_has_its_runs_looked_at(
    cluster: ChaosCluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.forbids = lambda asked: asked.watch
    subscriber = cluster.subscriber(pace=replace(QUICK, look=0.2))
    for _ in range(2):
        sent = order(manifest=workflow(cluster.namespace))
        send(subscriber, sent)
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    told = sorted(str(vars(one)["resource"]).rpartition("/")[2] for one in not_watched(caplog))
    assert RUNNING == told
    assert gate.watches("workflows") <= 4


def test_no_more_is_watched_than_the_limit_and_everything_still_runs(cluster: ChaosCluster, gate: Gate) -> None:
    subscriber = cluster.subscriber(pace=replace(QUICK, look=0.3), watches=2)
    most = 0
    orders = []
    for number in range(3):
        namespace = f"{cluster.namespace}-{number}"
        prepare(cluster.api, namespace)
        orders.append(order(manifest=engine(namespace)))
        send(subscriber, orders[-1])

    def all_done() -> bool:
        nonlocal most
        most = max(most, len(gate.watched))
        return all("completed" in cluster.portal.states(one.order) for one in orders)

    until(all_done)
    assert 2 == most


def test_a_subscriber_that_stops_ends_its_watches_at_once(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(pace=SLOW)
    send(subscriber, order(manifest=workflow(cluster.namespace, "takes-long")))
    until(lambda: {"subscriber-watch-workflows", "subscriber-watch-chaosengines"} <= threads())
    began = time.monotonic()
    subscriber.stop()
    assert set() == {name for name in threads() if name.startswith("subscriber-watch")}
    assert time.monotonic() - began < 2.0


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
