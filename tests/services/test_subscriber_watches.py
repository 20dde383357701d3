"""Watches wake orders: what happens here happens long before the next look."""

import threading
import time
from contextlib import suppress
from dataclasses import replace

from shared.errors import Stale
from shared.model.changes import Changed
from shared.model.orders import Guard, Target
from shared.rules.digests import digest
from shared.services.subscriber.service import Subscriber
from tests.services.chaos_cluster import DEPLOYMENTS, ENGINES, WORKFLOWS, ChaosCluster, order, send, until
from tests.services.chaos_manifests import engine, workflow
from tests.services.gate import Gate
from tests.services.slow_looks import RUNNING, SLOW, pause, waiting_for_a_rollout


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


def test_what_another_process_has_ended_is_watched_no_more(cluster: ChaosCluster, gate: Gate) -> None:
    sent = waiting_for_a_rollout(cluster)
    subscriber = cluster.started[0]
    until(lambda: gate.watched)
    until(lambda: ended_elsewhere(subscriber, sent))
    cluster.set_image("app:3")
    until(lambda: gate.watched == [])


def ended_elsewhere(subscriber: Subscriber, sent: str) -> bool:
    """End an order as another process would, once there is nothing more to tell of it and nobody else writes it."""
    record = subscriber.records.find(sent)
    if record is None or record.progress.reports:
        return False
    with suppress(Stale):
        subscriber.records.save(subscriber.steps.desk.end(record, "skipped", "by another").record)
        return True
    return False


def test_orders_share_their_watches(cluster: ChaosCluster, gate: Gate) -> None:
    subscriber = cluster.subscriber(pace=SLOW)
    orders = [order(manifest=workflow(cluster.namespace)) for _ in range(5)]
    for sent in orders:
        send(subscriber, sent)
    until(lambda: len(cluster.created(WORKFLOWS)) == 5)
    assert RUNNING == gate.watched
    for sent in orders:
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_much_that_moves_makes_few_looks(cluster: ChaosCluster, gate: Gate) -> None:
    made = cluster.deploy(image="app:1")
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(made["metadata"]["uid"], "app:2"))
    send(cluster.subscriber(pace=replace(SLOW, gap=0.5)), sent)
    until(lambda: gate.watched)
    before, began = looks(gate), time.monotonic()
    for number in range(40):
        cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"metadata": {"annotations": {"n": str(number)}}})
    assert looks(gate) - before <= 2 + (time.monotonic() - began) / 0.5


def looks(gate: Gate) -> int:
    return sum(one.path.endswith("/deployments/web") and one.method == "GET" for one in gate.asked)


def test_a_rollout_that_stays_stuck_is_given_up_before_the_next_look(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2", replicas=0)
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(made["metadata"]["uid"], "app:2"))
    send(cluster.subscriber(pace=SLOW), sent)
    assert "the rollout is stuck: it is scaled to zero" in cluster.portal.last(sent.order, "skipped").message


def test_what_was_read_before_it_was_watched_is_read_again(cluster: ChaosCluster, gate: Gate) -> None:
    """Or what moved in between, in a watch that another order began, would not be seen until the next slow look."""
    made = cluster.deploy(image="app:1")
    guard = cluster.guard(made["metadata"]["uid"], "app:2")
    subscriber = cluster.subscriber(pace=SLOW)

    until(lambda: (cluster.api.get(DEPLOYMENTS, cluster.namespace, "web").get("status") or {}).get("availableReplicas"))
    send(subscriber, order(manifest=engine(cluster.namespace), guard=guard))
    until(lambda: gate.watched)
    time.sleep(0.5)
    before = looks(gate)
    send(subscriber, order(manifest=engine(cluster.namespace), guard=guard))
    until(lambda: looks(gate) == before + 2, 3.0)
    assert 1 == gate.watches("deployments")


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
