"""How a pretended fault ends, and the ChaosResult that says so.

Field names, phases and verdicts are those of litmuschaos/chaos-operator `api/litmuschaos/v1alpha1`; when a result shows
which of them is how litmuschaos/litmus-go `pkg/result` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
FULL = 100
COUNTED = {"Pass": "passedRuns", "Fail": "failedRuns", "Stopped": "stoppedRuns"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way to end: a verdict (`Pass`, `Fail`, `Error`, `Stopped`) and, where it is not the usual, the percentage.

    `probe_success_percentage` is 100 on Pass and 0 otherwise, unless given.
    """

    verdict: str = "Pass"
    probe_success_percentage: int | None = None

    @property
    def percentage(self) -> int:
        """The percentage that the result shows, as a string."""
        if self.probe_success_percentage is not None:
            return self.probe_success_percentage
        return FULL if self.verdict == "Pass" else 0

    def phase(self, *, probed: bool) -> str:
        """Return the result's last phase."""
        if self.verdict == "Fail" and probed:
            return "Completed_With_Probe_Failure"
        return {"Error": "Error", "Stopped": "Stopped"}.get(self.verdict, "Completed")


STOPPED = Outcome("Stopped")


def running(probes: list[Document], before: Document | None) -> Document:
    """Return the status of a result whose fault has begun; `before` is that of an earlier run of the same name."""
    experiment: Document = {"phase": "Running", "verdict": "Awaited", "probeSuccessPercentage": "Awaited"}
    experiment |= {"errorOutput": None} if before else {}
    history = (before or {}).get("history") or dict.fromkeys(COUNTED.values(), 0)
    statuses = [_probe(probe, "Awaited") for probe in probes]
    return {"experimentStatus": experiment, "probeStatuses": statuses, "history": history}


def ended(outcome: Outcome, probes: list[Document], before: Document) -> Document:
    """Return the status of a result whose fault has ended."""
    passed = round(outcome.percentage * len(probes) / FULL)
    verdicts = ["Passed"] * passed + ["Failed"] * (len(probes) - passed)
    experiment: Document = {
        "phase": outcome.phase(probed=bool(probes)),
        "verdict": outcome.verdict,
        "probeSuccessPercentage": str(outcome.percentage),
    }
    if outcome.verdict == "Error":
        experiment["errorOutput"] = {"errorCode": "GENERIC_ERROR", "reason": "the demo's fault was told to end so"}
    history = dict(before["history"])
    if outcome.verdict in COUNTED:
        history[COUNTED[outcome.verdict]] += 1
    statuses = [_probe(probe, verdict) for probe, verdict in zip(probes, verdicts, strict=True)]
    return {"experimentStatus": experiment, "probeStatuses": statuses, "history": history}


def _probe(probe: Document, verdict: str) -> Document:
    named = {key: probe[key] for key in ("name", "type", "mode") if key in probe}
    return named | {"status": {"verdict": verdict}}
