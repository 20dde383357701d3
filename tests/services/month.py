"""Thirty days of a project under safety rules that chance made: changes, freezes, modes, releases, approvals.

What happened is kept as the subscribers, the person and the ledger have it; whether it broke a rule is for `tried`.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from shared.clients.ids import new_id
from shared.errors import Conflict
from shared.model.experiments import Fault, Manifest
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.orders import Order
from shared.model.projects import Freeze
from shared.model.runs import Run
from shared.rules.digests import side
from shared.services.approving import Approving
from shared.services.ledger import stamp
from shared.services.portal_records import listed
from shared.services.reconciling import Reconciler
from shared.services.sightings import Sightings
from shared.services.tables import CLUSTERS, EVENTS, OPEN_ORDERS, RUNS
from shared.services.watching import Watch
from shared.wire.admission import read_review
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import Stage
from tests.services.month_rules import EXPERIMENTS, WORKLOADS, deployment, rules

BEGIN: Final = datetime(2026, 10, 10, 6, 0, tzinfo=UTC)
"""Two weeks before clocks go back in Europe."""

DAYS: Final = 30
CLUSTERS_NAMED: Final = ("c1", "c2")
CHAOS: Final = "system:serviceaccount:shop:argo-chaos"


@dataclass(frozen=True)
class Setting:
    """What a person set at a time: whether chaos may start at all."""

    at: datetime
    mode: str = "enforce"
    frozen: bool = False


@dataclass(frozen=True)
class Start:
    """A run that a subscriber began."""

    at: datetime
    order: Order
    cluster: str


@dataclass
class Month:
    """One history; everything in it follows from the seed."""

    stage: Stage
    seed: int
    triggers: int
    settings: list[Setting] = field(default_factory=lambda: [Setting(BEGIN)])
    starts: list[Start] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)
    releases: list[tuple[datetime, bool]] = field(default_factory=list)
    approvals: dict[str, datetime] = field(default_factory=dict)
    _due: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _seen: set[str] = field(default_factory=set)
    _images: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stage, self.chance = self.stage, random.Random(self.seed)  # noqa: S311 - no secret hangs on it
        stage.clock.now = BEGIN
        self.safety = rules(self.chance)
        self.watch = Watch(stage.store, stage.clock, MASTER)
        self.sightings = Sightings(self.watch, new_id, frozenset({"Deployment"}))
        for name, (namespace, fault) in EXPERIMENTS.items():
            faults = (Fault(fault, namespace, service_account="argo-chaos"),)
            both = {"litmuschaos.io/clusters": "c1,c2"} if name == "db-fill" else {}
            stage.experiment(name, Manifest("Workflow", name, faults=faults, annotations=both))
        for cluster in CLUSTERS_NAMED:
            stage.cluster(cluster, stage.subscriber.url)
        self._set(self.settings[0])

    def play(self) -> None:
        """Let the month pass, and a day more in which nothing is in the way of what is left."""
        for _ in range(self.triggers):
            self._burst(self.chance.uniform(0, DAYS * 86_400))
        for _ in range(DAYS // 2):
            self._at(self.chance.uniform(0, DAYS * 86_400), self._toggle)
        for hour in range(DAYS * 24):
            self._at(hour * 3600.0, self._hourly)
        self._run()
        self._set(Setting(self.now))
        for hour in range(24):
            self._at(DAYS * 86_400 + hour * 3600.0, self._last)
        self._run()

    @property
    def now(self) -> datetime:
        return self.stage.clock.now

    def rows(self, kind: str) -> list[Event]:
        """Return all of the ledger's rows of a kind, oldest first."""
        return [row.value for row in listed(self.stage.store, EVENTS, "shop", kind)]

    def runs(self) -> list[Run]:
        """Return all runs."""
        return [row.value for row in listed(self.stage.store, RUNS, "shop")]

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (BEGIN + timedelta(seconds=round(seconds)), next(self._numbers), act))

    def _burst(self, seconds: float) -> None:
        for _ in range(self.chance.choice((1, 1, 1, 2, 3, 12))):
            self._at(seconds, self._change)
            seconds += self.chance.uniform(1, 60)

    def _run(self) -> None:
        while self._due:
            at, _, act = heapq.heappop(self._due)
            if at > self.now:
                self.stage.pump((at - self.now).total_seconds())
            self._attend()
            act()
            self.stage.pump()
            self._attend()

    def _attend(self) -> None:
        """Do what the subscribers were ordered: each run has an end that chance sets, each proof holds."""
        for name, order in list(self.stage.subscriber.taken.items()):
            if name not in self._seen:
                self._seen.add(name)
                cluster = str(order.parameters.get("infra_id") or name_of_origin(order, self.stage))
                at = datetime.fromtimestamp(self.stage.subscriber.at[name], UTC)
                self._begin(Start(at, order, cluster))
        self.stage.pump()

    def _begin(self, start: Start) -> None:
        name = start.order.order
        if start.order.action == "prove":
            self.stage.report(name, "completed", start.cluster)
            return
        self.starts.append(start)
        self.stage.report(name, "running", start.cluster)
        self._at((self.now - BEGIN).total_seconds() + self.chance.uniform(60, 5_400), lambda: self._end(start))

    def _end(self, start: Start) -> None:
        self.ended[start.order.order] = self.now
        self.stage.report(start.order.order, "completed", start.cluster, verdict="Pass")

    def _change(self) -> None:
        """Have somebody roll out another image of a workload: mostly a new one, now and then the one before."""
        cluster, name = self.chance.choice(CLUSTERS_NAMED), self.chance.choice(sorted(WORKLOADS))
        images = self._images.setdefault((cluster, name), [0])
        image = images[-2] if len(images) > 1 and self.chance.random() < 0.1 else max(images) + 1
        own = [one for one, (namespace, _) in EXPERIMENTS.items() if namespace == WORKLOADS[name]]
        named = own if self.chance.random() < 0.7 else self.chance.sample(sorted(EXPERIMENTS), 2)
        actor = CHAOS if self.chance.random() < 0.1 else "ada"
        old, new = (
            deployment(name, number, images.index(images[-1]) + at, named)
            for at, number in enumerate((images[-1], image))
        )
        images.append(image)
        request = {"uid": new_id(), "operation": "UPDATE", "kind": {"kind": "Deployment"}, "name": name}
        request |= {
            "resource": {"resource": "deployments"},
            "namespace": WORKLOADS[name],
            "userInfo": {"username": actor},
        }
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        self._tell(cluster, json.dumps(review | {"request": request | {"oldObject": old, "object": new}}).encode())

    def _tell(self, cluster: str, body: bytes) -> None:
        found = CLUSTERS.load(self.stage.store, cluster)
        assert found
        context, key = self.watch.context(found), self.watch.seal(found.value)
        assert context
        self.sightings.take(
            context, read_review(body).sighting(cluster, stamp(self.stage.clock), lambda obj: side(obj, key))
        )

    def _toggle(self) -> None:
        """Let nothing start for some hours, in one way or the other."""
        frozen = self.chance.random() < 0.5
        self._set(Setting(self.now, "enforce" if frozen else "observe", frozen))
        hours = self.chance.uniform(0.1, 9)
        self._at((self.now - BEGIN).total_seconds() + hours * 3_600, lambda: self._set(Setting(self.now)))

    def _set(self, setting: Setting) -> None:
        self.settings.append(setting)
        freeze = Freeze("sale", at=stamp(self.stage.clock)) if setting.frozen else None
        self.stage.settle(self.safety, freeze=freeze, gitops={"mode": setting.mode})

    def _hourly(self) -> None:
        chance = self.chance.random()
        if chance < 0.2:
            self._release(drop=chance < 0.05)
        for run in self.runs() if self.safety.approval_namespaces and self.chance.random() < 0.5 else ():
            self._approve(run)
        self._reconcile()

    def _last(self) -> None:
        self._release(drop=False)
        self._reconcile()

    def _release(self, *, drop: bool) -> None:
        self.releases.append((self.now, drop))
        self.stage.releasing.release("shop", drop=drop)

    def _approve(self, run: Run) -> None:
        if run.state in {"queued", "waiting"} and run.id not in self.approvals:
            try:
                Approving(self.stage.store, self.stage.clock, new_id).approve("shop", run.id, "ada", "on call")
            except Conflict:
                return
            self.approvals[run.id] = self.now

    def _reconcile(self) -> None:
        """Have what waits looked at, as the timer does; where nothing does, there is nothing to see."""
        if any(self.stage.store.query(OPEN_ORDERS.partition(cluster), limit=1) for cluster in CLUSTERS_NAMED):
            repositories = self.stage.dispatching.repositories
            reconciler = Reconciler(self.stage.store, repositories, self.stage.clock, new_id)
            reconciler.look_after(Message("m", "reconcile", "project", {"project": "shop"}))


def name_of_origin(order: Order, stage: Stage) -> str:
    """Return the cluster that an order without parameters was made for."""
    return next(cluster for cluster in CLUSTERS_NAMED for one in stage.orders(cluster) if one.id == order.order)
