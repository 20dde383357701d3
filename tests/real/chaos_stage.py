"""What a test of the subscriber looks at: runs in the portal, and what there is of them in the cluster."""

from dataclasses import dataclass
from typing import Any

from infra.demo import manifests
from shared.errors import NotFound
from shared.rules.rendering import RESOURCES
from shared.rules.tickets import ORDER, label_value
from shared.services.subscriber.records import record_name
from tests.real.chaos_ready import SYSTEM, ChaosReady, SubscriberProcess
from tests.real.people import Workload
from tests.real.portals import LocalPortal
from tests.real.waiting import eventually

CLUSTER = "real"
NAMESPACE = manifests.NAMESPACE
POD = "pod-delete-helper"
WATCHED = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": manifests.WORKFLOW_ID}
OVER = {"completed", "skipped", "expired", "stopped", "error", "needs_attention"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A cluster with its portal and its subscriber; `key` signs orders, `scheduled` is a run of a schedule."""

    cluster: ChaosReady
    portal: LocalPortal
    subscriber: SubscriberProcess
    key: bytes
    scheduled: str

    def change(self, kind: str, name: str) -> str:
        """Create a watched workload, change its image, and return the id of the run that this starts."""
        one = Workload(self.cluster.admin, kind, NAMESPACE, name, {}, WATCHED)
        one.create()
        one.set_image("till:2")
        eventually(lambda: bool(self._runs_of(one)), f"a run for {one.subject}")
        return self._runs_of(one)[0]

    def run(self, run: str) -> dict[str, Any]:
        """Return the run as the portal shows it."""
        found: dict[str, Any] = self.portal.call("GET", f"/runs/{run}")
        return found

    def ended(self, run: str) -> str:
        """Wait until the run is over, and return its id."""
        eventually(lambda: any(one["id"] == run and one["state"] in OVER for one in self._runs()), f"{run} ends")
        return run

    def workflows(self, run: str) -> list[dict[str, Any]]:
        """Return the run's Workflows in the cluster."""
        return self.cluster.api.list(RESOURCES["Workflow"], NAMESPACE, f"{ORDER}={label_value(run)}")

    def engines(self, run: str) -> list[dict[str, Any]]:
        """Return the run's ChaosEngines in the cluster."""
        return self.cluster.api.list(RESOURCES["ChaosEngine"], NAMESPACE, f"{ORDER}={label_value(run)}")

    def fault_of(self, run: str) -> str | None:
        """Return how far the run's fault is: None without an engine, empty where no operator came to it yet."""
        for engine in self.engines(run):
            shown = engine.get("status", {}).get("experiments") or [{}]
            return str(shown[0].get("status", ""))
        return None

    def add_pod(self, chaos: str) -> None:
        """Create a pod that bears this chaosUID, and that no scheduler will ever start."""
        metadata = {"name": POD, "labels": {"chaosUID": chaos}}
        spec = {"serviceAccountName": manifests.SERVICE_ACCOUNT, "containers": [{"name": "a", "image": "a:1"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self.cluster.api.create("v1/pods", NAMESPACE, body)

    def record(self, order: str) -> dict[str, Any] | None:
        """Return the subscriber's record of an order."""
        try:
            return self.cluster.api.get("v1/configmaps", SYSTEM, record_name(order))
        except NotFound:
            return None

    def _runs(self) -> list[dict[str, Any]]:
        return self.portal.rows("/runs")

    def _runs_of(self, one: Workload) -> list[str]:
        return [run["id"] for run in self._runs() if run["workload"] == one.subject]
