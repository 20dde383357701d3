"""A run under way: what it has become, and how it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.errors import NotFound
from shared.ports.kubernetes import KubernetesApi
from shared.rules.outcomes import CHAOS_UID, Engine, Facts, Outcome, conclude, remembered
from shared.rules.preflight import RESULTS
from shared.rules.rendering import RESOURCES
from shared.rules.tickets import Limits
from shared.services.subscriber.desk import Desk, Turn
from shared.services.subscriber.records import Created, Record

Json = dict[str, Any]
ENGINES: Final = RESOURCES["ChaosEngine"]
WORKFLOWS: Final = RESOURCES["Workflow"]
PODS: Final = "v1/pods"
_FINISHED_PODS: Final = frozenset({"Succeeded", "Failed"})
_STOP_ENGINE: Final = {"spec": {"engineState": "stop"}}
_STOP_WORKFLOW: Final = {"spec": {"shutdown": "Stop"}}


@dataclass(frozen=True, slots=True)
class Running:
    """Looks at what an order created until nothing of its chaos is left."""

    api: KubernetesApi
    desk: Desk
    limits: Limits

    def look(self, record: Record) -> Turn:
        """Report how the run stands; stop it if it was asked to; end it when it is over."""
        created = record.progress.created
        assert created, "only a started order runs"
        workflow = self._get(created) if created.resource == WORKFLOWS else None
        live = self._live(record, created)
        if record.progress.stop:
            self._stop(workflow, live)
        engines = remembered(record.progress.engines, live)
        record = self._timed(record.moved(engines=engines), workflow)
        outcome = self._outcome(record, created, workflow, engines)
        return self._told(record, outcome)

    def _told(self, record: Record, outcome: Outcome) -> Turn:
        if outcome.ended:
            return self.desk.end(
                record,
                outcome.state,
                outcome.message,
                phase=outcome.phase,
                verdict=outcome.verdict,
                faults=outcome.faults,
            )
        pace = self.desk.pace
        slow = outcome.state == "needs_attention" and not record.progress.stop
        return Turn(self.desk.running(record, outcome), pace.attention if slow else pace.look)

    def _outcome(self, record: Record, created: Created, workflow: Json | None, engines: tuple[Engine, ...]) -> Outcome:
        status = (workflow or {}).get("status") or {}
        facts = Facts(
            engines=engines,
            results=tuple(self._related(RESULTS, record)),
            phase=_phase(workflow) if created.resource == WORKFLOWS else None,
            message=str(status.get("message") or ""),
            stopping=record.progress.stop,
            overdue=self._overdue(record, workflow),
        )
        first = conclude(facts)
        if not first.ended:
            return first
        pods = [pod for pod in self._related(PODS, record) if _phase(pod) not in _FINISHED_PODS]
        return conclude(msgspec.structs.replace(facts, pods=tuple(pod["metadata"]["name"] for pod in pods)))

    def _live(self, record: Record, created: Created) -> list[Json]:
        if created.resource == ENGINES:
            engine = self._get(created)
            return [engine] if engine else []
        selector = f"workflow_run_id={created.uid}"
        places = record.progress.namespaces or (created.namespace,)
        return [engine for namespace in places for engine in self.api.list(ENGINES, namespace, selector)]

    def _related(self, resource: str, record: Record) -> list[Json]:
        """List what bears the uid of one of the run's engines."""
        engines = record.progress.engines
        selector = f"{CHAOS_UID} in ({','.join(sorted(engine.uid for engine in engines))})"
        places = sorted({engine.namespace for engine in engines})
        return [one for namespace in places for one in self.api.list(resource, namespace, selector)]

    def _get(self, created: Created) -> Json | None:
        """Return the run's object; one of its name with another uid is another object."""
        try:
            found = self.api.get(created.resource, created.namespace, created.name)
        except NotFound:
            return None
        return found if found["metadata"]["uid"] == created.uid else None

    def _stop(self, workflow: Json | None, engines: list[Json]) -> None:
        for engine in engines:
            if engine["spec"].get("engineState") != "stop":
                metadata = engine["metadata"]
                self.api.patch(ENGINES, metadata["namespace"], metadata["name"], _STOP_ENGINE)
        if workflow and not workflow["spec"].get("shutdown") and not _is_finished(workflow):
            metadata = workflow["metadata"]
            self.api.patch(WORKFLOWS, metadata["namespace"], metadata["name"], _STOP_WORKFLOW)

    def _timed(self, record: Record, workflow: Json | None) -> Record:
        """Remember since when the run should have been over."""
        active = (workflow is not None and not _is_finished(workflow)) or (
            workflow is None and any(engine.open for engine in record.progress.engines)
        )
        if active:
            return record.moved(worried_at="")
        return record if record.progress.worried_at else record.moved(worried_at=self.desk.now())

    def _overdue(self, record: Record, workflow: Json | None) -> bool:
        progress, grace = record.progress, self.desk.pace.grace
        if progress.worried_at:
            return self.desk.age(progress.worried_at) > grace
        bound = ((workflow or {}).get("spec") or {}).get("activeDeadlineSeconds", self.limits.deadline_seconds)
        return self.desk.age(progress.since) > float(bound) + grace


def _phase(obj: Mapping[str, Any] | None) -> str:
    return str((obj.get("status") or {}).get("phase") or "") if obj else "Gone"


def _is_finished(workflow: Json) -> bool:
    return _phase(workflow) in {"Succeeded", "Failed", "Error"}
