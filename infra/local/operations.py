"""What operators ask of the process: is it up, is it ready, what has it done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from wsgiref.types import WSGIApplication

from infra.local.gateway import as_wsgi
from shared.clients.readiness import answers
from shared.edge import metrics
from shared.edge.functions import function
from shared.errors import Unavailable
from shared.model.calls import Answer, Call, Route
from shared.ports.state import Queue, Store
from shared.services.portal_records import listed
from shared.services.tables import REACHES

Checks = Mapping[str, Callable[[], bool]]


@dataclass(frozen=True, slots=True)
class Operations:
    """Answers `/healthz`, `/readyz` and `/metrics`; `checks` names each part with whether it works."""

    store: Store
    queue: Queue
    checks: Checks

    def application(self) -> WSGIApplication:
        """Return the application that serves the three paths."""
        return as_wsgi(function(Route("GET", "/metrics", self.metrics), ready=self._readiness()))

    def _readiness(self) -> Callable[[], None]:
        """Return the check that the store answers and every part works; its `Unavailable` names those that do not."""
        answering = answers(self.store)

        def ready() -> None:
            answering()
            if down := [name for name, works in self.checks.items() if not works()]:
                raise Unavailable(f"not ready: {', '.join(down)} not running")

        return ready

    def metrics(self, call: Call) -> Answer:
        """Answer with all counters, and the queue and the circuits as they are now."""
        depth = self.queue.depth()
        for state in depth.__struct_fields__:
            metrics.gauge("litmus_gitops_queue_messages", getattr(depth, state), state=state)
        metrics.gauge("litmus_gitops_queue_oldest_age_seconds", self.queue.oldest_age())
        opened = sum(row.value.state == "open" for row in listed(self.store, REACHES))
        metrics.gauge("litmus_gitops_open_circuits", opened)
        return metrics.answer(call)
