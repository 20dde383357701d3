"""What became of a run, read from its Workflow, its ChaosEngines, their ChaosResults and the pods that bear their uid.

Source of the fields: litmuschaos.io/v1alpha1 (`engineStatus`, `experimentStatus`) and argoproj.io/v1alpha1 (`phase`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shared.model.runs import FaultResult, RunState

Json = Mapping[str, Any]

WEIGHT: Final = "litmuschaos.io/weight"
"""The label by which rendering tells an engine the weight of its template."""

CHAOS_UID: Final = "chaosUID"
DEFAULT_WEIGHT: Final = 10
_FINISHED_PHASES: Final = frozenset({"Succeeded", "Failed", "Error", "Gone"})
_WORST_FIRST: Final = ("Error", "Stopped", "Fail", "NotMeasured", "Pass")
_AWAITED: Final = "Awaited"


class Engine(msgspec.Struct, frozen=True):
    """One ChaosEngine of a run, kept by the subscriber: clean-up steps delete engines before their run has ended.

    `verdicts` maps each fault to the verdict that the engine itself shows for it.
    """

    uid: str
    name: str
    namespace: str
    weight: int = DEFAULT_WEIGHT
    verdicts: dict[str, str] = {}
    unresolved: bool = False
    status: str = ""

    @property
    def open(self) -> bool:
        """Whether its chaos may still go on."""
        return self.status not in {"completed", "stopped", "gone"}


class Facts(msgspec.Struct, frozen=True):
    """One look at a run. `phase` is the Workflow's, None for a lone ChaosEngine, `Gone` if it was deleted.

    `pods` are names of unfinished pods that bear a chaosUID of the run; `stopping` says that the run was asked to
    stop; `overdue` that what should have ended has had its time.
    """

    engines: tuple[Engine, ...]
    results: tuple[Json, ...]
    pods: tuple[str, ...] = ()
    phase: str | None = None
    message: str = ""
    stopping: bool = False
    overdue: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """How a run stands; it is over once `ended`."""

    state: RunState
    phase: str
    verdict: str
    faults: tuple[FaultResult, ...]
    message: str = ""
    ended: bool = False


def engine_of(obj: Json) -> Engine:
    """Return what counts of a ChaosEngine."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    shown = {one.get("name"): one for one in status.get("experiments") or ()}
    faults = [one.get("name", "") for one in spec.get("experiments") or ()]
    state = _state(spec, status)
    return Engine(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        weight=_weight(metadata.get("labels") or {}),
        verdicts={fault: _shown(shown.get(fault, {})) or _unsaid(state) for fault in faults},
        unresolved=_unresolved(metadata.get("annotations") or {}, spec),
        status=state,
    )


def remembered(known: Iterable[Engine], live: Iterable[Json]) -> tuple[Engine, ...]:
    """Return the engines of a run as they are now; one that is no longer there is `gone`, and stays."""
    seen = {engine.uid: engine for engine in map(engine_of, live)}
    gone = (msgspec.structs.replace(engine, status="gone") for engine in known if engine.uid not in seen)
    return tuple(sorted([*seen.values(), *gone], key=lambda engine: (engine.namespace, engine.name)))


def conclude(facts: Facts) -> Outcome:
    """Return how the run stands.

    It has ended when its Workflow has, every engine is completed, stopped or gone, and no unfinished pod bears its
    chaosUID. What outstays its time is `needs_attention`.
    """
    faults = fault_results(facts.engines, facts.results)
    left, shown = _left(facts), facts.phase or "Running"
    if (left or _waits(faults)) and not facts.overdue:
        return Outcome("running", "Stopping" if facts.stopping else shown, _AWAITED, faults, left)
    if left:
        return Outcome("needs_attention", shown, _verdict(faults), faults, f"overdue: {left}")
    return _ended(facts, tuple(_settled(fault) for fault in faults))


def fault_results(engines: Sequence[Engine], results: Iterable[Json]) -> tuple[FaultResult, ...]:
    """Return one result for each fault of each engine, matched by the engine's uid and never by a name alone."""
    found = {}
    for one in results:
        labels = one["metadata"].get("labels") or {}
        found[labels.get(CHAOS_UID), (one.get("spec") or {}).get("experiment")] = one
    return tuple(
        _result(engine, fault, found.get((engine.uid, fault)) or {}) for engine in engines for fault in engine.verdicts
    )


def _result(engine: Engine, fault: str, result: Json) -> FaultResult:
    status = result.get("status") or {}
    shown = status.get("experimentStatus") or {}
    verdict = shown.get("verdict") or engine.verdicts[fault] or _AWAITED
    if engine.unresolved and verdict != _AWAITED:
        return FaultResult(fault, "NotMeasured", None, engine.weight, measured=False)
    measured = bool(status.get("probeStatuses"))
    percentage = _percentage(shown.get("probeSuccessPercentage")) if measured else _assumed(verdict)
    return FaultResult(fault, verdict, percentage, engine.weight, measured)


def _assumed(verdict: str) -> float | None:
    return None if verdict == _AWAITED else 100.0 if verdict == "Pass" else 0.0


def _percentage(text: object) -> float | None:
    try:
        return min(max(float(str(text)), 0.0), 100.0)
    except ValueError:
        return None


def _settled(fault: FaultResult) -> FaultResult:
    if fault.verdict != _AWAITED:
        return fault
    return FaultResult(fault.name, "Error", 0.0, fault.weight, measured=False)


def _waits(faults: Iterable[FaultResult]) -> bool:
    return any(fault.verdict == _AWAITED for fault in faults)


def _left(facts: Facts) -> str:
    running = facts.phase is not None and facts.phase not in _FINISHED_PHASES
    workflow = [f"the Workflow is {facts.phase or 'not taken up'}"] if running else []
    engines = [f"ChaosEngine {one.name} is {one.status or 'not started'}" for one in facts.engines if one.open]
    return "; ".join([*workflow, *engines, *(f"pod {name} is not finished" for name in facts.pods)][:5])


def _ended(facts: Facts, faults: tuple[FaultResult, ...]) -> Outcome:
    verdict, phase = "Stopped" if facts.stopping else _verdict(faults), facts.phase or "Completed"
    if verdict == "Stopped":
        return Outcome("stopped", phase, verdict, faults, facts.message, ended=True)
    broken = facts.phase in {"Failed", "Error", "Gone"} and verdict != "Fail"
    if broken or verdict == "Error":
        return Outcome("error", phase, "Error", faults, facts.message or _blame(facts), ended=True)
    message = facts.message if faults else "no ChaosEngine appeared: nothing was measured"
    return Outcome("completed", phase, verdict, faults, message, ended=True)


def _blame(facts: Facts) -> str:
    faults = fault_results(facts.engines, facts.results)
    silent = [fault.name for fault in faults if fault.verdict == _AWAITED]
    if silent:
        return f"no verdict came for {', '.join(silent)}"
    broken = [f"{fault.name} ended with {fault.verdict}" for fault in faults if fault.verdict not in _WORST_FIRST[1:]]
    return ", ".join(broken) or f"the Workflow is {facts.phase}, and no fault says why"


def _verdict(faults: Iterable[FaultResult]) -> str:
    verdicts = {fault.verdict for fault in faults} or {"NotMeasured"}
    return next((one for one in _WORST_FIRST if one in verdicts), "Error")


def _state(spec: Json, status: Json) -> str:
    """An engine that is told to stop before the operator came to it is never begun: its status stays empty."""
    told: str = status.get("engineStatus") or ""
    return "stopped" if not told and spec.get("engineState") == "stop" else told


def _unsaid(state: str) -> str:
    """What is true of a fault that an engine says nothing of: it never began, if the engine was stopped."""
    return "Stopped" if state == "stopped" else ""


def _shown(experiment: Json) -> str:
    if experiment.get("status") == "ChaosExperiment Not Found":
        return "Error"
    return str(experiment.get("verdict") or "")


def _weight(labels: Mapping[str, str]) -> int:
    written = labels.get(WEIGHT) or labels.get("weight") or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else DEFAULT_WEIGHT  # noqa: PLR2004 - what a label may hold and a sum can bear


def _unresolved(annotations: Mapping[str, str], spec: Json) -> bool:
    named = {one.get("name") for one in _references(annotations.get("probeRef", ""))}
    probes = {
        probe.get("name")
        for one in spec.get("experiments") or ()
        for probe in (one.get("spec") or {}).get("probe") or ()
    }
    return bool(named - probes)


def _references(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return [{"name": text}]
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else [{"name": text}]
