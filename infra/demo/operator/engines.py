"""The chaos operator's part: it carries a ChaosEngine out, without chaos, and writes its ChaosResults.

States and transitions are those of litmuschaos/chaos-operator (`reconcileFor…`) and chaos-runner: an engine that is
`active` again after its end starts anew, one that is told to stop is aborted.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from infra.demo.operator.outcomes import STOPPED, Outcome, ended, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.demo.operator.cluster import Cluster
    from infra.demo.operator.outcomes import Document

ENGINES = "litmuschaos.io/v1alpha1/chaosengines"
RESULTS = "litmuschaos.io/v1alpha1/chaosresults"
UNFINISHED = frozenset({"Waiting for Job Creation", "Running"})
Results: TypeAlias = "Mapping[tuple[str, str], Document]"


def moment() -> str:
    """Return now as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(document: Document) -> tuple[str, str]:
    """Return an object's namespace and name."""
    return document["metadata"]["namespace"], document["metadata"]["name"]


class Engines:
    """Moves each engine on by one step a look; a fault lasts `seconds` and ends as `outcomes` says, else with Pass."""

    def __init__(self, cluster: Cluster, outcomes: Mapping[str, Outcome], seconds: float) -> None:
        self._cluster = cluster
        self._outcomes = outcomes
        self._seconds = seconds
        self._since: dict[tuple[str, str], float] = {}

    def step(self, engine: Document, results: Results) -> None:
        """Do what the engine's state and status ask for now."""
        active = engine["spec"].get("engineState", "active") == "active"
        status = engine.get("status", {}).get("engineStatus", "")
        if active and status != "initialized":
            self._begin(engine)
        elif active:
            self._go_on(engine, results)
        elif status == "initialized":
            self._abort(engine, results)

    def _begin(self, engine: Document) -> None:
        waiting = [
            _state(engine, name, "Yet to be launched", "Waiting for Job Creation", "N/A") for name in _faults(engine)
        ]
        status = {"engineStatus": "initialized", "experiments": waiting}
        self._cluster.patch(ENGINES, engine, {"status": status})

    def _go_on(self, engine: Document, results: Results) -> None:
        states = engine["status"]["experiments"]
        current = next((state for state in states if state["status"] in UNFINISHED), None)
        if current is None:
            end = {"spec": {"engineState": "stop"}, "status": {"engineStatus": "completed"}}
            self._cluster.patch(ENGINES, engine, end)
        elif current["status"] != "Running":
            self._launch(engine, current["name"], results)
        elif self._is_due(engine, current["name"]):
            self._finish(engine, current["name"], results, self._outcomes.get(current["name"], Outcome()))

    def _is_due(self, engine: Document, fault: str) -> bool:
        since = self._since.setdefault((engine["metadata"]["uid"], fault), time.monotonic())
        return time.monotonic() - since >= self._seconds

    def _launch(self, engine: Document, fault: str, results: Results) -> None:
        self._since[engine["metadata"]["uid"], fault] = time.monotonic()
        found = results.get(_result_place(engine, fault))
        body = _result(engine, fault, found)
        if found is None:
            self._cluster.create(RESULTS, engine["metadata"]["namespace"], body)
        else:
            self._cluster.patch(RESULTS, found, {key: body[key] for key in ("metadata", "spec", "status")})
        self._tell(engine, _state(engine, fault, f"{fault}-demo", "Running", "Awaited"))

    def _finish(self, engine: Document, fault: str, results: Results, outcome: Outcome) -> None:
        self._end_result(engine, fault, results, outcome)
        self._tell(engine, _state(engine, fault, f"{fault}-demo", "Completed", outcome.verdict))

    def _end_result(self, engine: Document, fault: str, results: Results, outcome: Outcome) -> None:
        found = results.get(_result_place(engine, fault))
        if found is not None:
            status = ended(outcome, _probes(engine, fault), found["status"])
            self._cluster.patch(RESULTS, found, {"status": status})

    def _tell(self, engine: Document, state: Document) -> None:
        states = [state if one["name"] == state["name"] else one for one in engine["status"]["experiments"]]
        self._cluster.patch(ENGINES, engine, {"status": {"experiments": states}})

    def _abort(self, engine: Document, results: Results) -> None:
        states = []
        for state in engine["status"]["experiments"]:
            if state["status"] == "Running":
                self._end_result(engine, state["name"], results, STOPPED)
            over = {"status": "Forcefully Aborted", "verdict": "Stopped", "lastUpdateTime": moment()}
            states.append(state | over if state["status"] in UNFINISHED else state)
        self._cluster.patch(ENGINES, engine, {"status": {"engineStatus": "stopped", "experiments": states}})


def _faults(engine: Document) -> list[str]:
    return [experiment["name"] for experiment in engine["spec"]["experiments"]]


def _probes(engine: Document, fault: str) -> list[Document]:
    specs = (one.get("spec") or {} for one in engine["spec"]["experiments"] if one["name"] == fault)
    return [probe for spec in specs for probe in spec.get("probe") or []]


def _state(engine: Document, fault: str, pod: str, status: str, verdict: str) -> Document:
    runner = f"{engine['metadata']['name']}-runner"
    state = {"name": fault, "runner": runner, "experimentPod": pod, "status": status, "verdict": verdict}
    return state | {"lastUpdateTime": moment()}


def _result_place(engine: Document, fault: str) -> tuple[str, str]:
    return engine["metadata"]["namespace"], f"{engine['metadata']['name']}-{fault}"


def _result(engine: Document, fault: str, found: Document | None) -> Document:
    namespace, name = _result_place(engine, fault)
    labels = {"name": fault, "chaosUID": engine["metadata"]["uid"], "app.kubernetes.io/component": "experiment-job"}
    return {
        "apiVersion": "litmuschaos.io/v1alpha1",
        "kind": "ChaosResult",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"engine": engine["metadata"]["name"], "experiment": fault},
        "status": running(_probes(engine, fault), found and found.get("status")),
    }
