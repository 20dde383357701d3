"""The note that a commit gets: one line a run, the newest last, in words that a person reads in `git log`."""

from __future__ import annotations

from shared.model.runs import FaultResult, Run


def noted(note: str, run: Run, name: str) -> str:
    """Return the note with this run's line, in place of an earlier one of the same run; other lines stay."""
    mark = f"[run {run.id}]"
    others = [line for line in note.splitlines() if not line.endswith(mark)]
    return "\n".join([*others, f"{_line(run, name)} {mark}"]) + "\n"


def _line(run: Run, name: str) -> str:
    score = "not measured" if run.score is None else f"score {run.score:.2f}"
    faults = ", ".join(map(_fault, run.faults)) or run.message or "no fault was injected"
    return f"litmus: {run.verdict or run.state}, {score}: {_plain(name)} on {run.cluster}: {_plain(faults)}"


def _fault(fault: FaultResult) -> str:
    measured = fault.measured and fault.probe_success_percentage is not None
    return f"{fault.name} {fault.verdict}" + (f" {fault.probe_success_percentage:g} %" if measured else "")


def _plain(text: str) -> str:
    return " ".join(text.split())
