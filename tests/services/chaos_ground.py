"""A cluster's ground for chaos: what preflight looks for, and those who act on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes.config import new_client_from_config

from infra.demo.kubernetes_api import ApiServer
from infra.demo.kubernetes_api.definitions import definitions, install
from infra.demo.operator import Operator, Outcome
from infra.demo.operator import Pace as OperatorPace
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.services.chaos_cluster import (
    CRON_WORKFLOWS,
    DEPLOYMENTS,
    ENGINES,
    EXPERIMENTS,
    WORKFLOWS,
    ChaosCluster,
    until,
)

SCHEDULES = "litmuschaos.io/v1alpha1/chaosschedules"
FAULTS = ("pod-delete", "half-passes", "fails", "takes-long")
OUTCOMES = {"half-passes": Outcome("Fail", 50), "fails": Outcome("Fail", 0)}


def prepare(api: Kubernetes, namespace: str) -> None:
    """Give a namespace what preflight looks for."""
    api.create("v1/namespaces", "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "chaos"}}
    api.create("v1/serviceaccounts", namespace, account)
    for fault in FAULTS:
        head = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosExperiment", "metadata": {"name": fault}}
        api.create(EXPERIMENTS, namespace, head | {"spec": {"definition": {}}})


def furnish(api: Kubernetes) -> None:
    """Give the cluster a node and, as Deployments, the two controllers; their instance id stands where Argo has it."""
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}, "status": ready}
    api.create("v1/nodes", "", node)
    api.create("v1/namespaces", "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo"}})
    for name in ("chaos-operator-ce", "workflow-controller"):
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
        api.create(DEPLOYMENTS, "argo", body)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap"}}
    api.create("v1/configmaps", "argo", config | {"data": {"config": "instanceID: infra-7\n"}})


@contextmanager
def shared_cluster(folder: Path) -> Iterator[tuple[Kubernetes, Path]]:
    """The API double with CRDs, operator and controllers."""
    with ApiServer() as server:
        kubeconfig = server.kubeconfig(folder / "kubeconfig")
        client: Any = new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]
        install(client, definitions())
        client.close()
        api = open_kubernetes(str(kubeconfig))
        furnish(api)
        pace = OperatorPace(look=0.03, fault=0.15, rollout=0.1)
        with Operator(kubeconfig, outcomes=OUTCOMES, rollouts=True, pace=pace):
            until(
                lambda: all((one.get("status") or {}).get("availableReplicas") for one in api.list(DEPLOYMENTS, "argo"))
            )
            yield api, kubeconfig


def spawned(cluster: ChaosCluster) -> str:
    """Start a Workflow as the controller does for an installed CronWorkflow, and return its run."""
    installed = cluster.created(CRON_WORKFLOWS)[0]["spec"]
    labels = installed["workflowMetadata"]["labels"] | {"workflows.argoproj.io/cron-workflow": "nightly"}
    head = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "nightly-1", "labels": labels},
    }
    made = cluster.api.create(WORKFLOWS, cluster.namespace, head | {"spec": installed["workflowSpec"]})
    return f"scheduled-{made['metadata']['uid']}"


def repeated(cluster: ChaosCluster, name: str = "s-1764110400") -> str:
    """Create a ChaosEngine as litmuschaos/chaos-scheduler does for an installed ChaosSchedule, and return its run."""
    [installed] = cluster.created(SCHEDULES)
    found = installed["metadata"]
    labels = {"app": "chaos-engine", "chaosUID": found["uid"]} | found["labels"]
    owner = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosSchedule", "name": "s", "uid": found["uid"]}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner | {"controller": True}]}
    spec = installed["spec"]["engineTemplateSpec"] | {"engineState": "active"}
    body = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine", "metadata": metadata, "spec": spec}
    return f"scheduled-{cluster.api.create(ENGINES, cluster.namespace, body)['metadata']['uid']}"
