"""The stage of dispatch, whose cluster `c1` is reached through a ChaosCenter on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from shared.clients.chaoscenter import HttpChaosCenters
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets
from shared.model.changes import Side, Tracked
from shared.model.experiments import Manifest
from shared.model.orders import Dispatched
from shared.model.projects import ChaosCenter, Cluster
from shared.model.runs import Run
from shared.rules.digests import digest
from shared.services.centering import Centering
from shared.services.ledger import message
from shared.services.reconciling import Reconciler
from shared.services.repositories import Repositories
from shared.services.tables import BLOBS, CLUSTERS, EVENTS, MEMBERS, RUNS, TRACKED
from tests.chaoscenter import TOKEN, ChaosCenterStand
from tests.services.dispatch_parts import SubscriberStand
from tests.services.dispatch_stage import KILL, WEB, Stage

WORKFLOW = b"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: kill-the-cart
  labels: {workflow_id: kill}
spec:
  entrypoint: chaos
  serviceAccountName: argo-chaos
  templates:
  - {name: chaos, steps: [[{name: kill, template: kill}]]}
  - name: kill
    inputs: {artifacts: [{name: kill, path: /tmp/e.yaml, raw: {data: "kind: ChaosEngine"}}]}
"""


class CenterStage(Stage):
    """Project `shop`, whose cluster's orders a ChaosCenter carries out."""

    def __init__(self, folder: Path, subscriber: SubscriberStand, center: ChaosCenterStand) -> None:
        super().__init__(folder, subscriber)
        self.center = center
        self.folder = folder
        (folder / "center").write_text(TOKEN)
        centers = HttpChaosCenters(allow_local=True)
        self.centering = Centering(
            self.store, centers, open_secrets(folder), self.clock, new_id, self.delivering.conditions
        )
        self.actions["dispatch", "center"] = self.centering.look
        self.through("c1")

    def through(self, cluster: str, infra: str = "infra-1", credential: str = "file:center") -> None:
        """Register a cluster that the ChaosCenter reaches."""
        center = ChaosCenter(self.center.url, "cc-shop", infra, credential)
        found = Cluster(cluster, "shop", cluster, "", chaoscenter=center)
        self.store.store.commit([CLUSTERS.put(found, cluster), MEMBERS.put(found, "shop", cluster)])

    def experiment(self, name: str = "kill", manifest: Manifest | None = KILL, **fields: Any) -> None:
        """Store an experiment as a sync would, with a text that can be run."""
        super().experiment(name, manifest, **fields)
        self.text(WORKFLOW)

    def text(self, manifest: bytes) -> None:
        """Have the experiment's file hold this."""
        self.store.store.commit([BLOBS.put(manifest, "shop", self.blob)])

    def tick(self) -> None:
        """Have the timer look after the project."""
        repositories = Repositories(Remotes(), Hosts(), open_secrets(self.folder), allow_local=True)
        due = message(new_id, "reconcile", "project", project="shop")
        Reconciler(self.store, repositories, self.clock, new_id).look_after(due)

    def by_hand(self) -> str:
        """Start the experiment as a person does, and return the run's id."""
        [run] = self.dispatching.start("shop", "kill", [], "person", "ada")
        self.pump()
        return run.id

    def run(self, name: str) -> Run:
        """Return a run as it is kept."""
        found = RUNS.load(self.store, "shop", name)
        assert found
        return found.value

    def the_order(self) -> Dispatched:
        """Return the cluster's only order."""
        [order] = self.orders()
        return order

    def fact(self, replicas: object, uid: str = "u-1", *, candidate: bool = False, deleted: bool = False) -> None:
        """Track the workload as a signal showed it."""
        content = {"kind": "Deployment", "metadata": {"uid": uid}, "spec": {"replicas": replicas}}
        side = Side(uid, content, "d", 1)
        fact, newer = (None, side) if candidate else (side, None)
        shown = Tracked(WEB, fact, newer, deleted_at="x" if deleted else None)
        self.store.store.commit([TRACKED.put(shown, WEB.cluster, WEB.subject)])

    def change(self, *experiments: str, replicas: int = 3, **fields: Any) -> str:
        """Decide on a change to so many replicas."""
        name = super().change(*experiments, **fields)
        found = EVENTS.load(self.store, "shop", "change", name)
        assert found
        trigger = found.value.detail["trigger"] | {"changed": [{"path": "spec.replicas", "digest": digest(replicas)}]}
        detail = found.value.detail | {"trigger": trigger}
        self.store.store.commit(
            [EVENTS.put(msgspec.structs.replace(found.value, detail=detail), "shop", "change", name)]
        )
        return name
