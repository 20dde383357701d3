"""What installed schedules start by themselves."""

import json

import pytest

from tests.services.chaos_cluster import CRON_WORKFLOWS, ENGINES, ChaosCluster, order, send, until
from tests.services.chaos_ground import repeated, spawned
from tests.services.chaos_manifests import cron, engine

COMMIT = "c0ffee" + "0" * 34


def test_what_a_schedule_starts_by_itself_is_reported_as_a_run_without_an_order(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(schedules=0.1)
    sent = order("install", manifest=cron(cluster.namespace), parameters={"revision": COMMIT}, experiment="n1")
    send(subscriber, sent)
    cluster.portal.last(sent.order, "completed")
    done = cluster.portal.last(spawned(cluster), "completed")
    assert (None, "n1", "nightly-1", "Pass") == (done.order, done.experiment, done.object, done.verdict)
    assert (30, COMMIT) == (done.faults[0].weight, done.commit)
    assert {done.run} == cluster.portal.scheduled("n1")


def every_hour(cluster: ChaosCluster, fault: str = "pod-delete") -> str:
    spec = {"schedule": {"repeat": {"properties": {"minChaosInterval": {"hour": {"everyNthHour": 1}}}}}}
    spec["engineTemplateSpec"] = json.loads(engine(cluster.namespace, fault))["spec"]
    metadata = {"name": "s", "namespace": cluster.namespace, "labels": {"weight": "20"}}
    head = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosSchedule", "metadata": metadata}
    return json.dumps(head | {"spec": spec})


@pytest.mark.usefixtures("chaos_scheduler")
def test_each_engine_of_a_chaos_schedule_is_reported_as_a_run_without_an_order(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(schedules=0.1)
    sent = order("install", manifest=every_hour(cluster), parameters={"revision": COMMIT}, experiment="hourly")
    send(subscriber, sent)
    cluster.portal.last(sent.order, "completed")
    first, second = repeated(cluster), repeated(cluster, "s-1764114000")
    for run, name in ((first, "s-1764110400"), (second, "s-1764114000")):
        done = cluster.portal.last(run, "completed")
        told = (done.order, done.experiment, done.object, done.verdict, done.commit)
        assert (None, "hourly", name, "Pass", COMMIT) == told
        assert 20 == done.faults[0].weight
    assert {first, second} == cluster.portal.scheduled("hourly")


@pytest.mark.usefixtures("chaos_scheduler")
def test_an_engine_that_a_chaos_schedule_made_is_stopped_as_any_run_is(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(schedules=0.1)
    sent = order("install", manifest=every_hour(cluster, "takes-long"))
    send(subscriber, sent)
    cluster.portal.last(sent.order, "completed")
    run = repeated(cluster)
    cluster.portal.last(run, "running")
    stop = order("stop", parameters={"run": run})
    send(subscriber, stop)
    assert "Stopped" == cluster.portal.last(run, "stopped").verdict
    cluster.portal.last(stop.order, "completed")


def test_engines_that_no_schedule_made_are_no_scheduled_runs(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(schedules=0.05)
    of_a_person = json.loads(engine(cluster.namespace, name="by-hand"))
    of_a_person["metadata"]["labels"] = {"litmuschaos.io/experiment": "mine"}
    cluster.api.create(ENGINES, cluster.namespace, of_a_person)
    ordered = order("run", manifest=engine(cluster.namespace), experiment="mine")
    send(subscriber, ordered)
    cluster.portal.last(ordered.order, "completed")
    send(subscriber, order("install", manifest=cron(cluster.namespace), experiment="mine"))
    until(lambda: cluster.created(CRON_WORKFLOWS))
    run = spawned(cluster)
    cluster.portal.last(run, "completed")
    assert {run} == cluster.portal.scheduled("mine")
