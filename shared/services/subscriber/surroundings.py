"""What the subscriber reads of its cluster before it starts anything: workloads, controllers, what a run needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from shared.errors import Forbidden, Invalid, NotFound
from shared.model.experiments import Problem
from shared.model.orders import Target
from shared.ports.kubernetes import KubernetesApi
from shared.rules.controllers import (
    CONTROLLER_NAMES,
    OPERATOR_NAMES,
    SCHEDULER_NAMES,
    Controller,
    chosen,
    instance_of,
    running,
)
from shared.rules.preflight import EXPERIMENTS, Facts, Needs, Place, healthy
from shared.wire.yaml import read_yaml

Json = dict[str, Any]
T = TypeVar("T")

DEPLOYMENTS: Final = "apps/v1/deployments"
NAMED_WORKLOAD: Final = "litmuschaos.io/workload"
"""The annotation by which a ConfigMap or Secret names the workload that it configures: `<Kind>/<name>`."""

KINDS: Final[Mapping[str, str]] = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": "apps/v1/statefulsets",
    "DaemonSet": "apps/v1/daemonsets",
    "ReplicaSet": "apps/v1/replicasets",
    "ConfigMap": "v1/configmaps",
    "Secret": "v1/secrets",
    "Service": "v1/services",
    "Job": "batch/v1/jobs",
    "CronJob": "batch/v1/cronjobs",
    "Rollout": "argoproj.io/v1alpha1/rollouts",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Reads the cluster; `namespace` is the subscriber's own, `kinds` maps a watched kind to its resource."""

    api: KubernetesApi
    namespace: str
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    operators: tuple[str, ...] = OPERATOR_NAMES
    controllers: tuple[str, ...] = CONTROLLER_NAMES

    def workload(self, target: Target) -> Json | None:
        """Return the live object, None if there is none; `Invalid` for a kind whose resource is not known."""
        if target.kind not in self.kinds:
            known = ", ".join(sorted(self.kinds))
            raise Invalid(f"the kind {target.kind} has no known resource: add it to RESOURCES; known are {known}")
        try:
            return self.api.get(self.kinds[target.kind], target.namespace, target.name)
        except NotFound:
            return None

    def rolled_out(self, obj: Json) -> Json | None:
        """Return the object whose rollout counts: the one that a ConfigMap or Secret names, else the object itself."""
        metadata = obj["metadata"]
        kind, _, name = (metadata.get("annotations") or {}).get(NAMED_WORKLOAD, "").partition("/")
        return self.workload(Target(kind, metadata["namespace"], name)) if name else obj

    def controller(self) -> tuple[Controller | None, str]:
        """Return the workflow controller that runs here and its instance id (empty for none)."""
        found = chosen(running(_allowed(lambda: self.api.list(DEPLOYMENTS)) or [], self.controllers), self.namespace)
        return found, self._instance(found) if found else ""

    def facts(self, needed: Needs) -> Facts:
        """Return what the cluster has of it; what may not be read is None."""
        deployments = _allowed(lambda: self.api.list(DEPLOYMENTS))
        nodes = _allowed(lambda: self.api.list("v1/nodes"))
        return Facts(
            served=frozenset(one for one in needed.resources if self.api.serves(one)),
            operator=None if deployments is None else bool(running(deployments, self.operators)),
            controller=None if deployments is None else bool(running(deployments, self.controllers)),
            scheduler=None if deployments is None else bool(running(deployments, SCHEDULER_NAMES)),
            service_accounts=self._present("v1/serviceaccounts", needed.service_accounts),
            experiments=self._present(EXPERIMENTS, needed.experiments),
            nodes=None if nodes is None else (sum(map(healthy, nodes)), len(nodes)),
        )

    def _present(self, resource: str, places: frozenset[Place]) -> frozenset[Place] | None:
        try:
            return frozenset(place for place in places if self._exists(resource, *place))
        except Forbidden:
            return None

    def _exists(self, resource: str, namespace: str, name: str) -> bool:
        try:
            self.api.get(resource, namespace, name)
        except NotFound:
            return False
        return True

    def _instance(self, controller: Controller) -> str:
        try:
            data = self.api.get("v1/configmaps", controller.namespace, controller.config_map).get("data") or {}
        except (NotFound, Forbidden):
            return ""
        config = read_yaml(str(data.get("config", "")).encode())
        known = {} if isinstance(config, Problem) or not isinstance(config.value, dict) else config.value
        return instance_of(data, known)


def _allowed(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except Forbidden:
        return None
