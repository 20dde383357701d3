"""How stop conditions stand now, for whoever sets them and wants to know whether they can be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.model.calls import Answer, Call
from shared.model.monitoring import Reading
from shared.rules.stop_conditions import judged
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation
from shared.services.conditions import Conditions


@dataclass(frozen=True, slots=True)
class StopConditions:
    """Asks the monitors as dispatch would."""

    desk: Desk
    conditions: Conditions

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        path = "/projects/{project}/safety/conditions"
        return [Operation("GET", path, "Ask the stop conditions how they stand", self.browse)]

    def browse(self, call: Call) -> Answer:
        """List the project's stop conditions, each `fine`, `breached` or `unknown`, with the value found."""
        safety = self.desk.project(call).value.safety
        return Answer(200, {"items": [_show(one) for one in self.conditions.ask(safety.stop_conditions)], "next": None})


def _show(reading: Reading) -> dict[str, Any]:
    refusal = judged((reading,))
    state = "fine" if refusal is None else "unknown" if refusal.wait else "breached"
    values = [{"value": _number(one.value), "labels": one.labels} for one in reading.heard.samples[:10]]
    return {"name": reading.condition.name, "state": state, "reason": refusal and refusal.reason, "values": values}


def _number(value: float) -> str:
    """Return a value as Prometheus writes it, since JSON has no infinity."""
    return f"{value:g}"
