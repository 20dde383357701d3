"""Watches that break, are forgotten or forbidden: orders are still carried out."""

import logging
from dataclasses import replace

import pytest

from tests.services.chaos_cluster import QUICK, ChaosCluster, order, send, until
from tests.services.chaos_ground import prepare
from tests.services.chaos_manifests import engine, workflow
from tests.services.gate import Gate
from tests.services.slow_looks import RUNNING, SLOW, lists, pause, waiting_for_a_rollout


def not_watched(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.message.startswith("not watched for now")]


def test_a_watch_whose_connection_breaks_goes_on_where_it_was(cluster: ChaosCluster, gate: Gate) -> None:
    sent = waiting_for_a_rollout(cluster)
    for begun in range(1, 4):
        until(lambda begun=begun: gate.watches("deployments") == begun and gate.watched)  # type: ignore[misc]
        gate.cut()
    until(lambda: gate.watches("deployments") == 4)
    assert 1 == sum(one.plural == "deployments" and bool(one.query.get("fieldSelector")) for one in lists(gate))
    pause(cluster, paused=None)
    assert "Pass" == cluster.portal.last(sent, "completed").verdict


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


def test_a_run_is_stopped_without_any_watch(cluster: ChaosCluster, gate: Gate) -> None:
    """Whatever else may be late: an order to stop is not left to hints."""
    gate.forbids = lambda asked: asked.watch
    subscriber = cluster.subscriber(pace=SLOW)
    sent = order(manifest=workflow(cluster.namespace))
    send(subscriber, sent)
    until(lambda: "running" in cluster.portal.states(sent.order))
    stop = order("stop", parameters={"run": sent.order})
    send(subscriber, stop)
    assert "Stopped" == cluster.portal.last(sent.order, "stopped").verdict
    assert cluster.portal.last(stop.order, "completed").message.endswith("is over")


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
