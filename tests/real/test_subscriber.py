"""The subscriber on a real API server, in an account that may do what its role says: from an order to its score."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
import yaml

from infra.demo import manifests
from infra.demo.operator import Operator, Pace
from shared.model.orders import Order
from shared.rules.rendering import CRON, INSTANCE, RESOURCES, render_schedule
from shared.rules.tickets import Ticket
from shared.services.subscriber.artifacts import labelled
from shared.wire.orders import signed
from shared.wire.standard_webhooks import key_of
from tests.real import chaos_ready
from tests.real.chaos_ready import ChaosReady, SubscriberProcess, granted
from tests.real.chaos_stage import CLUSTER, NAMESPACE, POD, Stage
from tests.real.experiments import SCHEDULE, lone_engine, nightly
from tests.real.heard import watch
from tests.real.portals import LocalPortal
from tests.real.waiting import eventually
from tests.services.chaos_cluster import CLUSTER as STAND
from tests.services.chaos_cluster import KEY, SECRET, PortalStand, later, order

Sent = tuple[dict[str, str], bytes]

PASSING = {("apps", f"{kind}s", verb) for kind in ("daemonset", "statefulset") for verb in ("list", "watch")}
"""Rights for what is watched a moment only: a rollout may be over before."""

ASKED = {("autoscaling", "horizontalpodautoscalers", "list")}
"""Rights for what only a portal asks for that does not know a workload, which the stand in its place never does."""


def spawn(cluster: ChaosReady) -> str:
    """Do as a CronWorkflow's controller does, and return the id under which the run will be known."""
    spec = render_schedule(yaml.safe_load(nightly()), Ticket("", "nightly"), labelled).body["spec"]
    head = {"name": "nightly-1", "labels": {**spec["workflowMetadata"]["labels"], CRON: "nightly"}}
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": head}
    made = cluster.api.create(RESOURCES["Workflow"], NAMESPACE, workflow | {"spec": spec["workflowSpec"]})
    return f"scheduled-{made['metadata']['uid']}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("subscriber")
    with ExitStack() as exits:
        cluster = exits.enter_context(chaos_ready.chaos_ready(folder))
        portal = exits.enter_context(LocalPortal(folder))
        portal.open_project({"web.yaml": manifests.EXPERIMENT})
        subscriber = SubscriberProcess(cluster, folder, CLUSTER_ID=CLUSTER, PORTAL_URL=portal.base)
        told = portal.register(CLUSTER, subscriber_url=subscriber.url)
        watch(portal, cluster.admin, told["admission_url"], NAMESPACE)
        pace = Pace(look=0.1, fault=1.5, rollout=0.5)
        kubeconfig = cluster.server.kubeconfig
        exits.enter_context(Operator(kubeconfig, rollouts=True, namespace=NAMESPACE, pace=pace))
        eventually(cluster.runs_its_controllers, "operator and controllers run")
        scheduled = spawn(cluster)
        exits.callback(subscriber.stop)
        subscriber.start(SUBSCRIBER_SECRET=told["subscriber_secret"])
        yield Stage(cluster, portal, subscriber, key_of(told["subscriber_secret"]), scheduled)


@pytest.fixture(scope="module")
def scored(stage: Stage) -> str:
    """A run from a change to its end."""
    run = stage.change("Deployment", "web")
    return stage.ended(run)


@pytest.fixture(scope="module")
def lingering(stage: Stage) -> list[str]:
    """How a run stands after its Workflow has ended, while a pod of its chaos is there and when that is gone."""
    run = stage.change("DaemonSet", "queue")
    eventually(lambda: bool(stage.engines(run)), "its ChaosEngine")
    stage.add_pod(stage.engines(run)[0]["metadata"]["uid"])
    eventually(lambda: stage.run(run)["phase"] == "Succeeded", "its Workflow ends")
    before = stage.run(run)["state"]
    stage.cluster.api.delete("v1/pods", NAMESPACE, POD)
    return [before, stage.run(stage.ended(run))["state"]]


@pytest.fixture(scope="module")
def stopped(stage: Stage) -> list[str]:
    """Two runs that a person stopped: as soon as the engine was there, and in the middle of its fault."""
    runs = []
    for name, enough in (("early", {"", "Waiting for Job Creation", "Running"}), ("late", {"Running"})):
        run = stage.change("StatefulSet", name)
        eventually(lambda run=run, enough=enough: stage.fault_of(run) in enough, f"{name} has come so far")  # type: ignore[misc]
        stage.portal.call("POST", f"/runs/{run}/stop")
        runs.append(stage.ended(run))
    return runs


@pytest.fixture(scope="module")
def resumed(stage: Stage) -> str:
    """A run whose subscriber was killed twice: when it had taken the order, and in the middle of the fault."""
    run = stage.change("DaemonSet", "agent")
    for begun in (lambda: stage.record(run) is not None, lambda: stage.fault_of(run) == "Running"):
        eventually(begun, "the run has come so far")
        stage.subscriber.kill()
        stage.subscriber.start()
    return stage.ended(run)


@pytest.fixture(scope="module")
def carried_out(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Orders of every other kind that a second subscriber carried out in the same account, with their last states."""
    texts = {"cron": nightly(), "schedule": SCHEDULE}
    with PortalStand().open() as portal:
        told = {"CLUSTER_ID": STAND, "PORTAL_URL": portal.url, "SUBSCRIBER_SECRET": SECRET}
        subscriber = SubscriberProcess(stage.cluster, tmp_path_factory.mktemp("stand"), **told)
        subscriber.start()
        try:
            sent = {"engine": order(manifest=lone_engine())}
            sent |= {f"install {kind}": order("install", text, experiment=kind) for kind, text in texts.items()}
            _carry_out(subscriber, portal, sent)
            removals = {f"remove {kind}": order("remove", None, experiment=kind, not_after=later(3)) for kind in texts}
            _carry_out(subscriber, portal, removals)
            eventually(lambda: not any(stage.record(one.order) for one in removals.values()), "records are deleted")
        finally:
            subscriber.stop()
        return {name: portal.states(one.order)[-1] for name, one in (sent | removals).items()}


def _carry_out(subscriber: SubscriberProcess, portal: PortalStand, sent: dict[str, Order]) -> None:
    for one in sent.values():
        assert (202, 200) == tuple(subscriber.post(*signed(one, KEY, time.time())) for _ in range(2))
    for name, one in sent.items():
        eventually(lambda one=one: bool({"completed", "skipped", "error"} & set(portal.states(one.order))), name)  # type: ignore[misc]


def test_a_change_is_proved_rolled_out_run_and_scored(stage: Stage, scored: str) -> None:
    run = stage.run(scored)
    assert ("completed", "Pass", 100.0) == (run["state"], run["verdict"], run["score"])
    [fault] = run["faults"]
    assert (manifests.FAULT, "Pass", 100.0, True) == (
        fault["name"],
        fault["verdict"],
        fault["probe_success_percentage"],
        fault["measured"],
    )
    [workflow] = stage.workflows(scored)
    assert chaos_ready.INSTANCE == workflow["metadata"]["labels"][INSTANCE]


def test_a_run_is_not_over_while_a_pod_of_its_chaos_is_unfinished(lingering: list[str]) -> None:
    assert ["running", "completed"] == lingering


def test_a_stopped_run_leaves_no_chaos_behind(stage: Stage, stopped: list[str]) -> None:
    for name in stopped:
        run, [workflow], [chaos] = stage.run(name), stage.workflows(name), stage.engines(name)
        assert ("stopped", "Stopped") == (run["state"], run["verdict"])
        assert ("Stop", "stop") == (workflow["spec"]["shutdown"], chaos["spec"]["engineState"])
        assert chaos.get("status", {}).get("engineStatus") in {None, "stopped"}


def test_a_subscriber_that_was_killed_twice_starts_one_workflow_only(stage: Stage, resumed: str) -> None:
    assert ("completed", 100.0) == (stage.run(resumed)["state"], stage.run(resumed)["score"])
    assert (1, 1) == (len(stage.workflows(resumed)), len(stage.engines(resumed)))


def test_a_run_that_a_schedule_started_is_scored_too(stage: Stage) -> None:
    run = stage.run(stage.ended(stage.scheduled))
    assert ("completed", "schedule", "nightly", 100.0) == tuple(
        run[name] for name in ("state", "cause", "experiment", "score")
    )


def test_schedules_come_and_go_and_records_with_them(stage: Stage, carried_out: dict[str, str]) -> None:
    assert {"completed"} == set(carried_out.values())
    assert [] == [one for kind in ("CronWorkflow", "ChaosSchedule") for one in stage.cluster.api.list(RESOURCES[kind])]


def sound(key: bytes, **changes: Any) -> Sent:
    """An order that this cluster would take."""
    text = manifests.EXPERIMENT
    given = {"manifest": text, "parameters": {"infra_id": CLUSTER}} | changes
    return signed(order(**given), key, time.time())


def altered(key: bytes) -> Sent:
    headers, body = sound(key)
    return headers, body.replace(b"pod-delete", b"pod-cpu-hog")


def altered_before_it_was_signed(key: bytes) -> Sent:
    made = order(manifest=manifests.EXPERIMENT, parameters={"infra_id": CLUSTER})
    return signed(msgspec.structs.replace(made, manifest=f"{made.manifest}# more\n"), key, time.time())


def signed_long_ago(key: bytes) -> Sent:
    return signed(order("remove", None, parameters={"infra_id": CLUSTER}), key, time.time() - 600)


@pytest.mark.parametrize(
    ("made", "status"),
    [
        pytest.param(lambda _: sound(b"another key that nobody knows"), 401, id="by another key"),
        pytest.param(altered, 401, id="altered on its way"),
        pytest.param(signed_long_ago, 401, id="signed long ago"),
        pytest.param(lambda key: ({"content-type": "application/json"}, sound(key)[1]), 401, id="unsigned"),
        pytest.param(altered_before_it_was_signed, 409, id="with another manifest than its digest says"),
        pytest.param(lambda key: sound(key, parameters={"infra_id": "production"}), 409, id="for another cluster"),
        pytest.param(lambda key: sound(key, not_after=later(-1)), 410, id="too late"),
    ],
)
def test_an_order_that_is_not_sound_is_refused_and_leaves_nothing(
    stage: Stage, made: Callable[[bytes], Sent], status: int
) -> None:
    headers, body = made(stage.key)
    assert status == stage.subscriber.post(headers, body)
    assert stage.record(msgspec.json.decode(body)["order"]) is None


@pytest.mark.usefixtures("scored", "lingering", "stopped", "resumed", "carried_out")
def test_the_role_grants_what_the_subscriber_does_and_nothing_else(stage: Stage) -> None:
    assert [] == stage.cluster.refused()
    assert set() == granted() - stage.cluster.used() - PASSING - ASKED
