from shared.model.runs import FaultResult
from tests.services.chaos_cluster import ENGINES, WORKFLOWS, ChaosCluster, order, send, until
from tests.services.chaos_manifests import engine, workflow


def test_a_workflow_runs_after_the_change_is_proved_and_rolled_out(cluster: ChaosCluster) -> None:
    uid = cluster.deploy()["metadata"]["uid"]
    cluster.set_image("app:2")
    sent = order(manifest=workflow(cluster.namespace), guard=cluster.guard(uid, "app:2"))
    assert 202 == send(cluster.subscriber(), sent).status
    done = cluster.portal.last(sent.order, "completed")
    assert ["waiting", "running", "completed"] == cluster.portal.states(sent.order)
    assert ("Succeeded", "Pass") == (done.phase, done.verdict)
    assert (FaultResult("pod-delete", "Pass", 100.0, 30),) == done.faults
    made = cluster.created(WORKFLOWS)
    assert [done.object] == [one["metadata"]["name"] for one in made]
    labels = made[0]["metadata"]["labels"]
    assert "infra-7" == labels["workflows.argoproj.io/controller-instanceid"]
    assert (sent.order, "web-pod-delete", "c0ffee") == (
        labels["litmuschaos.io/order"],
        labels["workflow_id"],
        labels["revision_id"],
    )
    assert [made[0]["metadata"]["uid"]] == [
        one["metadata"]["labels"]["workflow_run_id"] for one in cluster.created(ENGINES)
    ]


def test_a_chaos_engine_runs_and_its_weight_and_score_are_reported(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace, "half-passes"))
    send(cluster.subscriber(), sent)
    done = cluster.portal.last(sent.order, "completed")
    assert ("Fail", (FaultResult("half-passes", "Fail", 50.0, 20),)) == (done.verdict, done.faults)


def test_an_order_that_comes_twice_has_one_effect(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    sent = order(manifest=engine(cluster.namespace))
    assert [202, 200] == [send(subscriber, sent).status for _ in range(2)]
    cluster.portal.last(sent.order, "completed")
    assert 200 == send(subscriber, sent).status
    assert 1 == len(cluster.created(ENGINES))
    assert until(lambda: cluster.record(sent.order))
