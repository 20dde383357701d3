import json

from tests.services.chaos_cluster import CRON_WORKFLOWS, WORKFLOWS, ChaosCluster, cron, order, send

SCHEDULES = "litmuschaos.io/v1alpha1/chaosschedules"


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


def test_a_workflow_cannot_be_installed(cluster: ChaosCluster) -> None:
    sent = order("install", manifest="kind: Workflow\nspec: {}\n")
    send(cluster.subscriber(), sent)
    assert "is not installed" in cluster.portal.last(sent.order, "error").message


def test_what_a_schedule_starts_by_itself_is_reported_as_a_run_without_an_order(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(schedules=0.1)
    sent = order("install", manifest=cron(cluster.namespace))
    send(subscriber, sent)
    cluster.portal.last(sent.order, "completed")
    installed = cluster.created(CRON_WORKFLOWS)[0]["spec"]
    labels = installed["workflowMetadata"]["labels"] | {"workflows.argoproj.io/cron-workflow": "nightly"}
    head = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "nightly-1", "labels": labels},
    }
    made = cluster.api.create(WORKFLOWS, cluster.namespace, head | {"spec": installed["workflowSpec"]})
    run = f"scheduled-{made['metadata']['uid']}"
    done = cluster.portal.last(run, "completed")
    assert (None, "web-pod-delete", "nightly-1", "Pass") == (done.order, done.experiment, done.object, done.verdict)
    assert 30 == done.faults[0].weight
