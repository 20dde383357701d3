"""Takes up the runs that installed schedules start by themselves, so that they are reported like any other."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from shared.errors import Forbidden, NotFound
from shared.model.orders import Order
from shared.ports.kubernetes import KubernetesApi
from shared.rules.outcomes import engine_of
from shared.rules.rendering import CRON
from shared.rules.tickets import EXPERIMENT, ORDER
from shared.services.subscriber.desk import Desk
from shared.services.subscriber.records import Created, Progress, Records
from shared.services.subscriber.running import ENGINES, WORKFLOWS
from shared.services.subscriber.searching import everywhere
from shared.services.subscriber.starting import places
from shared.services.subscriber.worker import Worker

_log = logging.getLogger("litmus_gitops.subscriber")
Json = dict[str, Any]
_SELECTORS: Final = {WORKFLOWS: f"{EXPERIMENT},{CRON},!{ORDER}", ENGINES: f"{EXPERIMENT},!{ORDER},!workflow_run_id"}
"""What schedules start inherits the labels that they were installed with. An engine of a Workflow is no run."""

_STARTER: Final = "ChaosSchedule"
"""The kind that owns the engines which litmuschaos/chaos-scheduler creates."""

_YOUNG: Final = 86_400.0
"""What is older ended before this subscriber came, or was told of long ago."""

_KEPT: Final = 2 * _YOUNG
"""How long its record stays, in seconds: longer than it is taken for a new one."""


@dataclass(slots=True)
class Adopting:
    """Looks for what installed schedules have started, and records each as a run without an order.

    A CronWorkflow starts Workflows, a ChaosSchedule ChaosEngines. A role that may not list them in all namespaces has
    them looked for in `namespace`.
    """

    api: KubernetesApi
    records: Records
    desk: Desk
    worker: Worker
    namespace: str
    _blind: set[str] = field(default_factory=set)

    def __call__(self) -> None:
        """Take up those that are new."""
        found = [(resource, one) for resource in _SELECTORS for one in self._found(resource)]
        known = {record.id for record in self.records.all()} if found else set()
        for resource, one in found:
            order = self._order(one)
            if order.order not in known and self.desk.age(one["metadata"]["creationTimestamp"]) < _YOUNG:
                self.records.take(order, self._progress(resource, one))
                self.worker.wake(order.order)

    def _found(self, resource: str) -> list[Json]:
        try:
            found = everywhere(self.api, resource, _SELECTORS[resource], [self.namespace])[0]
        except NotFound:
            return []
        except Forbidden as error:
            if resource not in self._blind:
                _log.warning("what schedules start is not reported", extra={"reason": str(error)})
            self._blind.add(resource)
            return []
        return [one for one in found if resource == WORKFLOWS or _is_scheduled(one)]

    def _order(self, one: Json) -> Order:
        """Return what stands in for an order: it is never sent, and tells the record's name and how long it stays."""
        metadata = one["metadata"]
        labels = metadata["labels"]
        return Order(
            order=f"scheduled-{metadata['uid']}",
            project="",
            experiment=labels.get("workflow_id") or labels[EXPERIMENT],
            action="run",
            not_after=self.desk.later(_KEPT),
            parameters={"revision": labels.get("revision_id", "")},
        )

    def _progress(self, resource: str, one: Json) -> Progress:
        metadata, now = one["metadata"], self.desk.now()
        namespace = metadata["namespace"]
        return Progress(
            phase="running",
            since=now,
            taken_at=now,
            created=Created(resource, namespace, metadata["name"], metadata["uid"]),
            engines=(engine_of(one),) if resource == ENGINES else (),
            namespaces=places(one, namespace),
            ordered=False,
        )


def _is_scheduled(engine: Json) -> bool:
    return any(owner.get("kind") == _STARTER for owner in engine["metadata"].get("ownerReferences") or ())
