import json

import pytest

from tests.services.chaos_cluster import (
    CRON_WORKFLOWS,
    ChaosCluster,
    order,
    send,
    until,
)
from tests.services.chaos_ground import SCHEDULES, spawned
from tests.services.chaos_manifests import cron
from tests.services.gate import Asked, Gate


def test_a_cron_workflow_is_installed_updated_and_removed(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    installed = order("install", manifest=cron(cluster.namespace))
    send(subscriber, installed)
    done = cluster.portal.last(installed.order, "completed")
    assert ("installed", f"CronWorkflow {cluster.namespace}/nightly is installed", "nightly") == (
        done.phase,
        done.message,
        done.object,
    )
    renamed = order("install", manifest=cron(cluster.namespace, "hourly").replace("0 3 * * *", "0 * * * *"))
    send(subscriber, renamed)
    cluster.portal.last(renamed.order, "completed")
    found = [(one["metadata"]["name"], one["spec"]["schedule"]) for one in cluster.created(CRON_WORKFLOWS)]
    assert [("hourly", "0 * * * *")] == found
    removed = order("remove")
    send(subscriber, removed)
    message = cluster.portal.last(removed.order, "completed").message
    assert f"removed: CronWorkflow {cluster.namespace}/hourly" == message
    assert [] == cluster.created(CRON_WORKFLOWS)


def test_a_frozen_schedule_is_installed_suspended(cluster: ChaosCluster) -> None:
    sent = order("install", manifest=cron(cluster.namespace), parameters={"suspend": True})
    send(cluster.subscriber(), sent)
    cluster.portal.last(sent.order, "completed")
    assert [True] == [one["spec"]["suspend"] for one in cluster.created(CRON_WORKFLOWS)]


def test_of_orders_about_one_schedule_only_the_newest_counts_whenever_they_come(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    older, newer = (order("install", manifest=cron(cluster.namespace, name)) for name in ("older", "newer"))
    for sent in (newer, older):
        send(subscriber, sent)
        cluster.portal.last(sent.order, "completed" if sent is newer else "skipped")
    [told] = cluster.portal.of(older.order)
    assert ("superseded", f"order {newer.order} came after it") == (told.phase, told.message)
    assert ["newer"] == [one["metadata"]["name"] for one in cluster.created(CRON_WORKFLOWS)]


def test_an_order_about_a_schedule_waits_until_the_older_ones_are_over(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    records, steps = subscriber.records, subscriber.steps
    other = order("install", manifest=cron(cluster.namespace, "other"), experiment="another")
    own = f"in-{cluster.namespace}"
    older, newer = (order(one, manifest=cron(cluster.namespace), experiment=own) for one in ("install", "remove"))
    made = [records.take(one, steps.begin(one.action)) for one in (other, older, newer)]
    assert made[2]
    waits = steps.step(made[2])
    assert (made[2], True) == (waits.record, waits.delay > 0)
    subscriber.start()
    assert "removed: nothing was there" == cluster.portal.last(newer.order, "completed").message
    cluster.portal.last(other.order, "completed")
    assert ["skipped"] == cluster.portal.states(older.order)


def test_only_schedules_of_the_experiment_are_removed(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    other = order("install", manifest=cron(cluster.namespace), experiment="another")
    send(subscriber, other)
    cluster.portal.last(other.order, "completed")
    removed = order("remove", experiment="nobody-installed-it")
    send(subscriber, removed)
    assert "removed: nothing was there" == cluster.portal.last(removed.order, "completed").message
    assert 1 == len(cluster.created(CRON_WORKFLOWS))


def test_a_schedule_that_nobody_would_carry_out_is_not_installed_and_says_so(cluster: ChaosCluster) -> None:
    spec = {"schedule": {"now": True}, "engineTemplateSpec": {"experiments": [{"name": "pod-delete"}]}}
    head = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosSchedule", "metadata": {"name": "s"}}
    sent = order("install", manifest=json.dumps(head | {"spec": spec}))
    send(cluster.subscriber(), sent)
    message = cluster.portal.last(sent.order, "skipped").message
    assert message.startswith("not installed: no chaos scheduler is running")
    assert [] == cluster.created(SCHEDULES)


@pytest.mark.usefixtures("chaos_scheduler")
@pytest.mark.parametrize(
    ("written", "frozen", "thawed"),
    [
        pytest.param("active", "halt", None, id="still going on"),
        pytest.param("complete", "complete", "complete", id="over: let go, it would begin anew"),
    ],
)
def test_a_freeze_halts_a_chaos_schedule_unless_it_is_over(
    cluster: ChaosCluster, written: str, frozen: str, thawed: str | None
) -> None:
    def installed(*, suspend: bool) -> str | None:
        parameters = {"suspend": suspend}
        sent = order("install", manifest=json.dumps(head | {"spec": spec}), parameters=parameters, experiment=written)
        send(subscriber, sent)
        cluster.portal.last(sent.order, "completed")
        [found] = cluster.created(SCHEDULES)
        state: str | None = found["spec"].get("scheduleState")
        return state

    spec = {"schedule": {"now": True}, "engineTemplateSpec": {"experiments": [{"name": "pod-delete"}]}}
    metadata = {"name": "s", "namespace": cluster.namespace}
    head = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosSchedule", "metadata": metadata}
    subscriber = cluster.subscriber()
    assert None is installed(suspend=False)
    cluster.api.patch(SCHEDULES, cluster.namespace, "s", {"spec": {"scheduleState": written}})
    assert (frozen, thawed) == (installed(suspend=True), installed(suspend=False))


def test_a_workflow_cannot_be_installed(cluster: ChaosCluster) -> None:
    sent = order("install", manifest="kind: Workflow\nspec: {}\n")
    send(cluster.subscriber(), sent)
    assert "is not installed" in cluster.portal.last(sent.order, "error").message


def across(asked: Asked) -> bool:
    """What a role of one namespace does not allow: to list what runs or is scheduled in all of them."""
    return asked.method == "GET" and "/namespaces/" not in asked.path and asked.plural in {"workflows", "cronworkflows"}


def test_a_role_of_one_namespace_installs_reports_and_removes_there(cluster: ChaosCluster, gate: Gate) -> None:
    gate.forbids = across
    subscriber = cluster.subscriber(schedules=0.1)
    installed = order("install", manifest=cron(cluster.namespace))
    send(subscriber, installed)
    cluster.portal.last(installed.order, "completed")
    assert "Pass" == cluster.portal.last(spawned(cluster), "completed").verdict
    removed = order("remove")
    send(subscriber, removed)
    message = cluster.portal.last(removed.order, "completed").message
    here = cluster.namespace
    assert f"removed: CronWorkflow {here}/nightly; the role hides each CronWorkflow outside {here}" == message
    assert [] == cluster.created(CRON_WORKFLOWS)


def test_a_role_that_sees_no_schedules_says_so_and_breaks_nothing(
    cluster: ChaosCluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = {"workflows", "chaosengines", "cronworkflows"}
    gate.forbids = lambda asked: asked.method == "GET" and asked.plural in hidden
    subscriber = cluster.subscriber(schedules=0.05)
    removed = order("remove")
    send(subscriber, removed)
    message = cluster.portal.last(removed.order, "completed").message
    assert "removed: nothing was there; the role hides every CronWorkflow" == message
    until(lambda: sum(one.plural == "workflows" for one in gate.asked) > 6)
    told = [one.message for one in caplog.records if one.name == "litmus_gitops.subscriber"]
    assert 2 == told.count("what schedules start is not reported")
    assert "will be tried again" not in told
