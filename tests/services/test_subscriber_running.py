import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.clients.kubernetes import Kubernetes
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.errors import Unavailable
from shared.ports.kubernetes import Watching
from shared.rules.tickets import Limits, object_name
from shared.services.subscriber.desk import Pace
from shared.services.subscriber.service import Options, assemble
from tests.services.chaos_cluster import (
    CLUSTER,
    ENGINES,
    QUICK,
    SECRET,
    WORKFLOWS,
    ChaosCluster,
    later,
    order,
    send,
    until,
)
from tests.services.chaos_manifests import engine, workflow

PODS = "v1/pods"


def test_a_failed_fault_fails_the_run(cluster: ChaosCluster) -> None:
    sent = order(manifest=workflow(cluster.namespace, "fails"))
    send(cluster.subscriber(), sent)
    done = cluster.portal.last(sent.order, "completed")
    assert ("Failed", "Fail", 0.0) == (done.phase, done.verdict, done.faults[0].probe_success_percentage)


@pytest.mark.parametrize("manifest", [pytest.param(workflow, id="workflow"), pytest.param(engine, id="engine")])
def test_a_running_order_is_stopped_by_another(cluster: ChaosCluster, manifest: Any) -> None:
    subscriber = cluster.subscriber()
    sent = order(manifest=manifest(cluster.namespace, "pod-delete"))
    send(subscriber, sent)
    until(lambda: [one for one in cluster.created(ENGINES) if one.get("status")])
    stop = order("stop", parameters={"run": sent.order})
    send(subscriber, stop)
    stopped = cluster.portal.last(sent.order, "stopped")
    assert "Stopped" == stopped.verdict
    assert ["stop"] == [one["spec"]["engineState"] for one in cluster.created(ENGINES)]
    assert cluster.portal.last(stop.order, "completed").message.endswith("is over")


def test_an_order_that_waits_is_stopped_before_it_starts(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    uid = cluster.deploy(image="app:1")["metadata"]["uid"]
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard(uid, "app:2"))
    send(subscriber, sent)
    until(lambda: cluster.portal.of(sent.order))
    send(subscriber, order("stop", parameters={"run": sent.order}))
    assert "stopped before it started" == cluster.portal.last(sent.order, "stopped").message
    assert [] == cluster.created(ENGINES)


def test_a_run_that_is_stopped_before_its_order_came_never_starts(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    sent = order(manifest=engine(cluster.namespace))
    stop = order("stop", parameters={"run": sent.order})
    send(subscriber, stop)
    assert "will not start" in cluster.portal.last(stop.order, "completed").message
    assert "stopped before it came" == cluster.portal.last(sent.order, "stopped").message
    assert 200 == send(subscriber, sent).status
    assert [] == cluster.created(ENGINES)


def test_an_order_to_stop_nothing_is_an_error(cluster: ChaosCluster) -> None:
    stop = order("stop", parameters={})
    send(cluster.subscriber(), stop)
    assert "names no run" in cluster.portal.last(stop.order, "error").message


def test_a_subscriber_that_is_started_anew_goes_on_where_the_last_one_was(cluster: ChaosCluster) -> None:
    first = cluster.subscriber()
    sent = order(manifest=workflow(cluster.namespace))
    send(first, sent)
    until(lambda: cluster.created(WORKFLOWS))
    first.stop()
    cluster.subscriber().start()
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert 1 == len(cluster.created(WORKFLOWS))


def test_two_subscribers_of_one_cluster_do_everything_once(cluster: ChaosCluster) -> None:
    both = [cluster.subscriber(), cluster.subscriber()]
    for one in both:
        one.start()
    orders = [order(manifest=workflow(cluster.namespace)) for _ in range(4)]
    for number, sent in enumerate(orders):
        send(both[number % 2], sent)
        send(both[(number + 1) % 2], sent)
    for sent in orders:
        assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert 4 == len(cluster.created(WORKFLOWS))


def test_reports_wait_for_a_portal_that_is_away_and_the_run_goes_on(cluster: ChaosCluster) -> None:
    cluster.portal.status = 503
    sent = order(manifest=engine(cluster.namespace))
    send(cluster.subscriber(), sent)
    until(lambda: '"ended"' in (cluster.record(sent.order) or {})["data"]["progress"])
    assert [] == cluster.portal.of(sent.order)
    cluster.portal.status = 200
    cluster.portal.last(sent.order, "completed")
    assert ["waiting", "running", "completed"] == cluster.portal.states(sent.order)


def test_a_report_that_the_portal_refuses_is_not_sent_for_ever(cluster: ChaosCluster) -> None:
    cluster.portal.status = 409
    sent = order(manifest=engine(cluster.namespace), not_after=later(1.5))
    send(cluster.subscriber(), sent)
    until(lambda: cluster.record(sent.order) is None)


def test_a_record_goes_once_its_end_is_acknowledged_and_its_time_is_over(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace), not_after=later(1.5))
    send(cluster.subscriber(), sent)
    cluster.portal.last(sent.order, "completed")
    assert cluster.record(sent.order)
    until(lambda: cluster.record(sent.order) is None)


def test_a_workflow_that_someone_deletes_is_an_error(cluster: ChaosCluster) -> None:
    sent = order(manifest=workflow(cluster.namespace))
    send(cluster.subscriber(), sent)
    made = until(lambda: cluster.created(WORKFLOWS))[0]
    cluster.api.delete(WORKFLOWS, cluster.namespace, made["metadata"]["name"])
    assert "Gone" == cluster.portal.last(sent.order, "error").phase


def unfinished_pod(cluster: ChaosCluster, uid: str) -> str:
    metadata = {"name": f"runner-{uid[:8]}", "labels": {"chaosUID": uid}}
    spec = {"containers": [{"name": "runner", "image": "runner:1"}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    cluster.api.create(PODS, cluster.namespace, body)
    return metadata["name"]  # type: ignore[return-value]


def test_a_run_whose_pods_outstay_it_needs_attention_until_they_are_gone(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace))
    send(cluster.subscriber(), sent)
    uid = until(lambda: cluster.created(ENGINES))[0]["metadata"]["uid"]
    pod = unfinished_pod(cluster, uid)
    assert f"overdue: pod {pod} is not finished" == cluster.portal.last(sent.order, "needs_attention").message
    cluster.api.delete(PODS, cluster.namespace, pod)
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_a_run_beyond_its_deadline_needs_attention(cluster: ChaosCluster) -> None:
    pace = Pace(look=0.05, attention=0.1, grace=0.0, chatter=0.2)
    subscriber = cluster.subscriber(pace=pace, limits=Limits(deadline_seconds=0))
    sent = order(manifest=engine(cluster.namespace))
    send(subscriber, sent)
    message = cluster.portal.last(sent.order, "needs_attention").message
    assert message.startswith("overdue: ChaosEngine web-chaos-")


def test_an_object_of_that_name_which_is_not_ours_ends_in_an_error(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace))
    body = json.loads(engine(cluster.namespace))
    body["metadata"]["name"] = object_name("web-chaos", sent.order, len("pod-delete") + 1)
    cluster.api.create(ENGINES, cluster.namespace, body)
    send(cluster.subscriber(), sent)
    assert cluster.portal.last(sent.order, "error").message.endswith("exists and is not of this order")


@dataclass
class LostAnswers:
    """The real API, whose `lost`-th write happens but is answered to nobody."""

    api: Kubernetes
    lost: int
    writes: int = 0
    seen: list[str] = field(default_factory=list)

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any]:
        return self.api.get(resource, namespace, name)

    def list(self, resource: str, namespace: str = "", selector: str = "") -> "list[dict[str, Any]]":
        return self.api.list(resource, namespace, selector)

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._maybe(self.api.create(resource, namespace, body))

    def apply(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._maybe(self.api.apply(resource, namespace, body))

    def patch(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._maybe(self.api.patch(resource, namespace, name, body))

    def replace(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._maybe(self.api.replace(resource, namespace, name, body))

    def delete(self, resource: str, namespace: str, name: str) -> None:
        self.api.delete(resource, namespace, name)

    def watch(
        self, resource: str, namespace: str = "", selector: str = "", timeout: float = 30.0, name: str = ""
    ) -> Watching:
        return self.api.watch(resource, namespace, selector, timeout, name)

    def serves(self, resource: str) -> bool:
        return self.api.serves(resource)

    def _maybe(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        if self.writes == self.lost:
            raise Unavailable("the answer was lost on its way")
        return answer


@pytest.mark.parametrize("lost", range(1, 7))
def test_a_lost_answer_to_any_write_changes_nothing(cluster: ChaosCluster, lost: int) -> None:
    api = LostAnswers(cluster.api, lost)
    options = Options(CLUSTER, (SECRET,), cluster.namespace, cluster.namespace, pace=QUICK, first_pause=0.1)
    subscriber = assemble(api, HttpPortal(cluster.portal.url), options, utc_now, new_id)
    cluster.started.append(subscriber)
    sent = order(manifest=engine(cluster.namespace))
    if lost == 1:
        with pytest.raises(Unavailable):
            send(subscriber, sent)
    assert send(subscriber, sent).status == (200 if lost == 1 else 202)
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    assert 1 == len(cluster.created(ENGINES))
    until(lambda: api.writes >= lost)
