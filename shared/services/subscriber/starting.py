"""From a proved change to the object in the cluster: preflight, rendering, and a creation that happens once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.orders import Order
from shared.ports.kubernetes import KubernetesApi
from shared.rules.outcomes import Outcome, engine_of
from shared.rules.preflight import CHECKS, Check, Finding, findings, needs
from shared.rules.rendering import render_run, render_schedule
from shared.rules.tickets import ORDER, Limits, Rendered, Ticket, label_value
from shared.services.subscriber.artifacts import embedded, labelled, parsed
from shared.services.subscriber.desk import Desk, Turn
from shared.services.subscriber.records import Created, Record
from shared.services.subscriber.searching import Sweep
from shared.services.subscriber.surroundings import Surroundings

_OVER: Final = "complete"
"""The `scheduleState` of a ChaosSchedule that has started all that it was to start."""


@dataclass(frozen=True, slots=True)
class Starting:
    """Creates what orders ask for. `namespace` takes objects that name none; `checks` are those that block."""

    api: KubernetesApi
    surroundings: Surroundings
    desk: Desk
    cluster: str
    namespace: str
    checks: frozenset[Check] = frozenset(CHECKS)
    limits: Limits = field(default_factory=Limits)

    def preflight(self, record: Record) -> Turn:
        """Look for what the run will need: what is missing ends the order, in words."""
        rendered = self.render(record.order)
        missing = self.missing(rendered)
        if blocking := [one.message for one in missing if one.check in self.checks]:
            return self.desk.end(record, "skipped", f"preflight: {'; '.join(blocking)}")
        warnings = "; ".join(one.message for one in missing)
        created = Created(rendered.resource, rendered.namespace, rendered.name)
        planned = record.moved(created=created, namespaces=places(rendered.body, rendered.namespace))
        return self.desk.turn(planned, "starting", warnings)

    def start(self, record: Record) -> Turn:
        """Create the object, or find that this order created it before; never after the order's time."""
        rendered, created = self.render(record.order), record.progress.created
        assert created, "preflight planned it"
        made = self._find(record.order, created)
        if made is None and record.progress.stop:
            return self.desk.end(record, "stopped", "stopped before it started", verdict="Stopped")
        if made is None and self.desk.expired(record.order):
            return self.desk.end(record, "expired", f"not started by {record.order.not_after}")
        made = made or self._create(rendered, record.order)
        metadata = made["metadata"]
        now = Created(rendered.resource, metadata["namespace"], metadata["name"], metadata["uid"])
        engines = (engine_of(made),) if made["kind"] == "ChaosEngine" else ()
        begun = record.moved(phase="running", since=self.desk.now(), created=now, engines=engines, worried_at="")
        return Turn(self.desk.running(begun, Outcome("running", "Pending", "Awaited", ())))

    def apply(self, record: Record) -> Turn:
        """Install a schedule, and remove what an earlier state of the same experiment installed elsewhere."""
        rendered = self._schedule(record.order)
        if missing := [
            one.message for one in self.missing(rendered) if one.check in {"crds", "operator", "controller"}
        ]:
            return self.desk.end(record, "skipped", f"not installed: {'; '.join(missing)}")
        self.api.apply(rendered.resource, rendered.namespace, rendered.body)
        kept = (rendered.resource, rendered.namespace, rendered.name)
        self._sweep(record.order, rendered.namespace).run(kept)
        created = Created(rendered.resource, rendered.namespace, rendered.name)
        done = f"{rendered.body['kind']} {rendered.namespace}/{rendered.name} is installed"
        return self.desk.end(record.moved(created=created), "completed", done, phase="installed")

    def remove(self, record: Record) -> Turn:
        """Remove every schedule that was installed for the experiment; what the role hides is named."""
        return self.desk.end(record, "completed", self._sweep(record.order).run().told(), phase="removed")

    def render(self, order: Order) -> Rendered:
        """Return the object that the order creates in this cluster."""
        return render_run(self._manifest(order), self._ticket(order), labelled)

    def missing(self, rendered: Rendered) -> list[Finding]:
        """Return what the cluster lacks for it."""
        needed = needs(rendered.body, embedded(rendered.body))
        return findings(needed, self.surroundings.facts(needed))

    def _schedule(self, order: Order) -> Rendered:
        """Return the schedule to install; one that is over is not halted, since let go again it would begin anew."""
        manifest, ticket = self._manifest(order), self._ticket(order)
        rendered = render_schedule(manifest, ticket, labelled)
        if not (ticket.suspend and self._is_over(rendered)):
            return rendered
        return render_schedule(manifest, msgspec.structs.replace(ticket, suspend=False), labelled)

    def _is_over(self, rendered: Rendered) -> bool:
        try:
            found = self.api.get(rendered.resource, rendered.namespace, rendered.name)
        except NotFound:
            return False
        return bool(found["spec"].get("scheduleState") == _OVER)

    def _manifest(self, order: Order) -> dict[str, Any]:
        return parsed(order.manifest or "")

    def _ticket(self, order: Order) -> Ticket:
        controller, instance = self.surroundings.controller()
        named = {"workflow_id": order.experiment, "infra_id": self.cluster}
        named |= {"revision_id": str(order.parameters["revision"])} if order.parameters.get("revision") else {}
        return Ticket(
            order=order.order,
            experiment=order.experiment,
            labels={name: label_value(value) for name, value in named.items()},
            namespace=self.namespace,
            bound=controller.bound if controller else None,
            instance=instance if controller else None,
            suspend=bool(order.parameters.get("suspend")),
            limits=self.limits,
        )

    def _find(self, order: Order, created: Created) -> Mapping[str, Any] | None:
        try:
            found = self.api.get(created.resource, created.namespace, created.name)
        except NotFound:
            return None
        if (found["metadata"].get("labels") or {}).get(ORDER) != label_value(order.order):
            raise Conflict(f"{created.resource} {created.namespace}/{created.name} exists and is not of this order")
        return found

    def _create(self, rendered: Rendered, order: Order) -> Mapping[str, Any]:
        try:
            return self.api.create(rendered.resource, rendered.namespace, rendered.body)
        except Conflict:
            found = self._find(order, Created(rendered.resource, rendered.namespace, rendered.name))
            if found is None:
                raise
            return found

    def _sweep(self, order: Order, *more: str) -> Sweep:
        controller, _ = self.surroundings.controller()
        bound = (controller.bound or "") if controller else ""
        return Sweep(self.api, order.experiment, frozenset(filter(None, (self.namespace, bound, *more))))


def places(body: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
    """Return the namespaces in which a run's engines will be, as far as its object says; its own is one of them."""
    engines = [one for one in embedded(body) if one.get("kind") == "ChaosEngine"]
    named = {str((one.get("metadata") or {}).get("namespace") or namespace) for one in engines}
    return tuple(sorted(name for name in named | {namespace} if "{{" not in name))
