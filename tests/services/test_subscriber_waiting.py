import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.model.changes import Changed
from shared.model.orders import Guard, Target
from shared.rules.digests import content, digest, sealing_key
from shared.services.subscriber.service import Options, assemble
from tests.services.chaos_cluster import (
    CLUSTER,
    DEPLOYMENTS,
    ENGINES,
    KEY,
    QUICK,
    SECRET,
    ChaosCluster,
    later,
    order,
    send,
    until,
)
from tests.services.chaos_manifests import engine


def run_after(cluster: ChaosCluster, guard: Guard, **changes: Any) -> str:
    sent = order(manifest=engine(cluster.namespace), guard=guard, **changes)
    assert 202 == send(cluster.subscriber(), sent).status
    return sent.order


def test_a_change_that_was_undone_after_it_was_proved_is_skipped(cluster: ChaosCluster) -> None:
    uid = cluster.deploy(image="app:2")["metadata"]["uid"]
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": True}})
    sent = run_after(cluster, cluster.guard(uid, "app:2"))
    until(lambda: [one for one in cluster.portal.of(sent) if one.phase == "rollout"])
    cluster.set_image("app:3")
    skipped = cluster.portal.last(sent, "skipped")
    assert skipped.message.startswith("reverted: spec.template.spec.containers[0].image no longer has the value")
    assert [] == cluster.created(ENGINES)


def test_a_change_that_lost_a_race_is_waited_for_since_its_client_tries_again(cluster: ChaosCluster) -> None:
    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    sent = run_after(cluster, cluster.guard(uid, "app:2"))
    until(lambda: cluster.portal.of(sent))
    cluster.set_image("app:3")
    time.sleep(0.3)
    cluster.set_image("app:2")
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def test_a_change_is_waited_for_since_its_review_came_before_it(cluster: ChaosCluster) -> None:
    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    sent = run_after(cluster, cluster.guard(uid, "app:2"))
    waiting = until(lambda: [one for one in cluster.portal.of(sent) if "not persisted yet" in one.message])
    assert ("waiting", "proving") == (waiting[0].state, waiting[0].phase)
    cluster.set_image("app:2")
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def test_a_change_that_never_came_is_skipped_after_a_minute(cluster: ChaosCluster) -> None:
    ahead = timedelta()

    def clock() -> datetime:
        return utc_now() + ahead

    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    options = Options(CLUSTER, (SECRET,), cluster.namespace, cluster.namespace, pace=QUICK, first_pause=0.1)
    subscriber = assemble(cluster.api, HttpPortal(cluster.portal.url), options, clock, new_id)
    cluster.started.append(subscriber)
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(uid, "app:2"))
    send(subscriber, sent)
    until(lambda: cluster.portal.of(sent.order))
    ahead = timedelta(seconds=61)
    assert cluster.portal.last(sent.order, "skipped").message.startswith("never persisted: ")


def test_a_workload_that_is_another_one_now_is_skipped(cluster: ChaosCluster) -> None:
    cluster.deploy(image="app:2")
    sent = run_after(cluster, cluster.guard("another-uid", "app:2"))
    assert "reverted: the workload was deleted" in cluster.portal.last(sent, "skipped").message


def test_a_rollout_that_takes_too_long_is_skipped_with_what_it_waited_for(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2")
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": True}})
    sent = run_after(cluster, cluster.guard(made["metadata"]["uid"], "app:2", wait="300ms"))
    message = cluster.portal.last(sent, "skipped").message
    assert "the rollout did not end within 300ms: the rollout is paused" == message


def test_a_paused_rollout_is_awaited_until_it_is_resumed(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2")
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": True}})
    sent = run_after(cluster, cluster.guard(made["metadata"]["uid"], "app:2"))
    until(lambda: any("paused" in one.message for one in cluster.portal.of(sent)))
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": None}})
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


def test_a_rollout_that_stays_stuck_is_skipped(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2", replicas=0)
    sent = run_after(cluster, cluster.guard(made["metadata"]["uid"], "app:2"))
    message = cluster.portal.last(sent, "skipped").message
    assert "the rollout is stuck: it is scaled to zero: there is nothing to test" == message


def test_a_rollout_that_looks_stuck_for_a_moment_is_awaited_on(cluster: ChaosCluster) -> None:
    """A new spec shows, for a moment, the conditions of the old one."""
    made = cluster.deploy(image="app:2")
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": True}})
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(made["metadata"]["uid"], "app:2"))
    send(cluster.subscriber(pace=replace(QUICK, stuck=1.0)), sent)
    until(lambda: any("paused" in one.message for one in cluster.portal.of(sent.order)))
    time.sleep(1.1)
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"replicas": 0, "paused": None}})
    until(lambda: any("scaled to zero" in one.message for one in cluster.portal.of(sent.order)))
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"replicas": 2}})
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_another_reason_to_look_stuck_is_given_its_own_time(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2", replicas=0)
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(made["metadata"]["uid"], "app:2"))
    subscriber = cluster.subscriber()
    taken = subscriber.records.take(sent, subscriber.steps.begin("run"))
    assert taken
    await_rollout, why = subscriber.steps.proving.await_rollout, "it is scaled to zero: there is nothing to test"
    until(lambda: await_rollout(taken).record.progress.worry == why)
    for worry, expected in (("another reason", "proving"), (why, "ended")):
        worried = taken.moved(worry=worry, worried_at=later(-10.0))
        assert expected == await_rollout(worried).record.progress.phase


def test_a_waiting_order_holds_up_no_other(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2")
    cluster.api.patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": {"paused": True}})
    subscriber = cluster.subscriber()
    guard = cluster.guard(made["metadata"]["uid"], "app:2")
    for _ in range(20):
        send(subscriber, order(manifest=engine(cluster.namespace), guard=guard))
    free = order(manifest=engine(cluster.namespace))
    send(subscriber, free)
    assert "Pass" == cluster.portal.last(free.order, "completed").verdict


def test_a_run_that_did_not_start_in_time_is_expired(cluster: ChaosCluster) -> None:
    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    sent = run_after(cluster, cluster.guard(uid, "app:2"), not_after=later(0.5))
    assert cluster.portal.last(sent, "expired").message.startswith("not started by ")
    assert [] == cluster.created(ENGINES)


def test_a_proof_is_reported_once_the_change_is_rolled_out_and_starts_nothing(cluster: ChaosCluster) -> None:
    made = cluster.deploy(image="app:2")
    sent = order("prove", guard=cluster.guard(made["metadata"]["uid"], "app:2"))
    send(cluster.subscriber(), sent)
    proved = cluster.portal.last(sent.order, "completed")
    assert ("proved", "proved, and rolled out: 2 of 2 replicas are new and available") == (proved.phase, proved.message)
    assert [] == cluster.created(ENGINES)


def watched(cluster: ChaosCluster, kind: str, workload: str) -> tuple[dict[str, Any], Target]:
    metadata = {"name": "settings", "annotations": {"litmuschaos.io/workload": workload}}
    body = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"level": "aGlnaA=="}}
    made = cluster.api.create(f"v1/{kind.lower()}s", cluster.namespace, body)
    return made, Target(kind, cluster.namespace, "settings")


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_a_watched_setting_is_proved_and_the_workload_that_it_names_is_awaited(
    cluster: ChaosCluster, kind: str
) -> None:
    cluster.deploy()
    made, target = watched(cluster, kind, "Deployment/web")
    value = content(made, sealing_key(KEY))["data"]["level"]
    sent = run_after(cluster, Guard(target, made["metadata"]["uid"], (Changed("data.level", digest(value)),)))
    cluster.portal.last(sent, "completed")
    assert any("rolled out: 2 of 2 replicas" in one.message for one in cluster.portal.of(sent))


def test_a_setting_that_names_no_workload_there_is_skipped(cluster: ChaosCluster) -> None:
    made, target = watched(cluster, "ConfigMap", "Deployment/nowhere")
    guard = Guard(target, made["metadata"]["uid"], (Changed("data.level", digest("aGlnaA==")),))
    message = cluster.portal.last(run_after(cluster, guard), "skipped").message
    assert message.endswith("names Deployment/nowhere, which does not exist")


def test_a_kind_whose_resource_is_unknown_ends_in_an_error_with_the_mend(cluster: ChaosCluster) -> None:
    sent = run_after(cluster, Guard(Target("Gadget", cluster.namespace, "x"), "u", ()))
    assert "the kind Gadget has no known resource: add it to RESOURCES" in cluster.portal.last(sent, "error").message


def test_a_cluster_that_lacks_what_a_run_needs_skips_it_with_all_that_is_missing(cluster: ChaosCluster) -> None:
    cluster.api.delete("v1/serviceaccounts", cluster.namespace, "chaos")
    sent = order(manifest=engine(cluster.namespace, "not-installed"))
    send(cluster.subscriber(), sent)
    here = cluster.namespace
    expected = f"preflight: there is no ServiceAccount {here}/chaos; there is no ChaosExperiment {here}/not-installed"
    assert expected == cluster.portal.last(sent.order, "skipped").message


def test_a_check_that_does_not_block_is_a_warning(cluster: ChaosCluster) -> None:
    cluster.api.delete("v1/serviceaccounts", cluster.namespace, "chaos")
    sent = order(manifest=engine(cluster.namespace))
    send(cluster.subscriber(checks=("crds",)), sent)
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert any("there is no ServiceAccount" in one.message for one in cluster.portal.of(sent.order))
