from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.client import AppsV1Api, CustomObjectsApi

from infra.demo.operator import Operator
from tests.infra.operator.helpers import LITMUS, QUICK, engine, engine_status, seen
from tests.kubernetes_conformance.manifests import workload


def create_all(apps: AppsV1Api) -> None:
    apps.create_namespaced_deployment("default", workload())
    apps.create_namespaced_stateful_set("default", workload("StatefulSet"))
    apps.create_namespaced_daemon_set("default", workload("DaemonSet"))


def deployment_status(apps: AppsV1Api) -> dict[str, Any]:
    found: Any = apps.read_namespaced_deployment("till", "default")
    return dict(found.status.to_dict())


def rolled(generation: int) -> Callable[[dict[str, Any]], bool]:
    counts = ("replicas", "updated_replicas", "available_replicas")
    return lambda status: (
        status.get("observed_generation") == generation and [status.get(key) for key in counts] == [2, 2, 2]
    )


def test_workloads_are_rolled_out_if_told_so(kubeconfig: Path, apps: AppsV1Api) -> None:
    create_all(apps)
    with Operator(kubeconfig, rollouts=True, pace=QUICK):
        status = seen(lambda: deployment_status(apps), rolled(1))
        stateful = seen(
            lambda: apps.read_namespaced_stateful_set("till", "default").status, lambda s: s.available_replicas
        )
        daemons = seen(lambda: apps.read_namespaced_daemon_set("till", "default").status, lambda s: s.number_available)
    reasons = [condition["reason"] for condition in status["conditions"]]
    assert reasons == ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]
    assert (2, stateful.update_revision) == (stateful.updated_replicas, stateful.current_revision)
    assert (1, 1, 1) == (daemons.desired_number_scheduled, daemons.updated_number_scheduled, daemons.number_ready)


def test_a_changed_workload_is_seen_before_it_is_rolled_out(kubeconfig: Path, apps: AppsV1Api) -> None:
    create_all(apps)
    with Operator(kubeconfig, rollouts=True, pace=QUICK):
        seen(lambda: deployment_status(apps), rolled(1))
        apps.patch_namespaced_deployment("till", "default", {"spec": {"paused": True}})
        paused = seen(lambda: deployment_status(apps), lambda status: len(status["conditions"]) == 1)
        apps.patch_namespaced_deployment("till", "default", {"spec": {"paused": False}})
        seen(lambda: deployment_status(apps), rolled(3))
    assert (2, "DeploymentPaused") == (paused["observed_generation"], paused["conditions"][0]["reason"])


def test_workloads_are_left_alone_if_not_told_otherwise(
    kubeconfig: Path, apps: AppsV1Api, objects: CustomObjectsApi
) -> None:
    create_all(apps)
    objects.create_namespaced_custom_object(*LITMUS, "chaosengines", engine())
    with Operator(kubeconfig, pace=QUICK):
        seen(lambda: engine_status(objects), lambda status: status == "completed")
    assert deployment_status(apps).get("observed_generation") is None
