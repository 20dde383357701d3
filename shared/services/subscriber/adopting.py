"""Takes up the runs that installed schedules start by themselves, so that they are reported like any other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import Forbidden, NotFound
from shared.model.orders import Order
from shared.ports.kubernetes import KubernetesApi
from shared.rules.rendering import CRON
from shared.rules.tickets import EXPERIMENT, ORDER
from shared.services.subscriber.desk import Desk
from shared.services.subscriber.records import Created, Progress, Records
from shared.services.subscriber.running import WORKFLOWS
from shared.services.subscriber.searching import everywhere
from shared.services.subscriber.starting import places
from shared.services.subscriber.worker import Worker

_log = logging.getLogger("litmus_gitops.subscriber")
Json = dict[str, Any]
_SELECTOR: Final = f"{EXPERIMENT},{CRON},!{ORDER}"
_YOUNG: Final = 86_400.0
"""Older Workflows ended before this subscriber came, or were told of long ago."""

_KEPT: Final = 2 * _YOUNG
"""How long its record stays, in seconds: longer than it is taken for a new one."""


@dataclass(slots=True)
class Adopting:
    """Looks for Workflows that an installed CronWorkflow has started, and records each as a run without an order.

    A role that may not list Workflows in all namespaces has them looked for in `namespace`.
    """

    api: KubernetesApi
    records: Records
    desk: Desk
    worker: Worker
    namespace: str
    _blind: bool = False

    def __call__(self) -> None:
        """Take up those that are new."""
        found = self._found()
        known = {record.id for record in self.records.all()} if found else set()
        for workflow in found:
            order = self._order(workflow)
            if order.order not in known and self.desk.age(workflow["metadata"]["creationTimestamp"]) < _YOUNG:
                self.records.take(order, self._progress(workflow))
                self.worker.wake(order.order)

    def _found(self) -> list[Json]:
        try:
            return everywhere(self.api, WORKFLOWS, _SELECTOR, [self.namespace])[0]
        except NotFound:
            return []
        except Forbidden as error:
            if not self._blind:
                _log.warning("what schedules start is not reported", extra={"reason": str(error)})
            self._blind = True
            return []

    def _order(self, workflow: Json) -> Order:
        """Return what stands in for an order: it is never sent, and tells the record's name and how long it stays."""
        metadata = workflow["metadata"]
        labels = metadata["labels"]
        return Order(
            order=f"scheduled-{metadata['uid']}",
            project="",
            experiment=labels.get("workflow_id") or labels[EXPERIMENT],
            action="run",
            not_after=self.desk.later(_KEPT),
        )

    def _progress(self, workflow: Json) -> Progress:
        metadata, now = workflow["metadata"], self.desk.now()
        namespace = metadata["namespace"]
        return Progress(
            phase="running",
            since=now,
            taken_at=now,
            created=Created(WORKFLOWS, namespace, metadata["name"], metadata["uid"]),
            namespaces=places(workflow, namespace),
            ordered=False,
        )
