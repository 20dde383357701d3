"""The resiliency score: how much of what the probes asked held while the faults were on.

The formula is that of Litmus' resiliency score, truncated once, at the very end.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from shared.model.runs import FaultResult, RunState, Verdict

_CENT: Final = Decimal("0.01")
_WHOLE: Final = Decimal(100)
_OPEN: Final = frozenset({"queued", "waiting", "running"})
_UNRUN: Final = frozenset({"skipped", "expired"})
_UNMEASURED: Final = "NotMeasured"
_WORST_FIRST: Final[tuple[Verdict, ...]] = ("Error", "Stopped", "Fail", _UNMEASURED, "Pass")
_FINAL: Final[frozenset[str]] = frozenset(_WORST_FIRST)


class Score(msgspec.Struct, frozen=True):
    """A run's verdict, and its score in percent with two decimals; None where nothing was measured."""

    verdict: Verdict
    value: float | None = None


def score(state: RunState, said: str, faults: Sequence[FaultResult]) -> Score:
    """Return what a run in `state` is worth, whose subscriber says the verdict `said`, else its worst fault's.

    The score is the sum of weight times percentage over the sum of weights, truncated to two decimals. A fault without
    a probe counts 100 on Pass, else 0. One whose probes could not be resolved measured nothing: then neither did the
    run.
    """
    if state in _OPEN:
        return Score("Awaited")
    if state in _UNRUN:
        return Score("")
    if any(fault.verdict == _UNMEASURED for fault in faults) or (state == "completed" and not faults):
        return Score(_UNMEASURED)
    return Score(_verdict(said, faults), _mean(faults))


def _verdict(said: str, faults: Sequence[FaultResult]) -> Verdict:
    named = {said} & _FINAL or {fault.verdict for fault in faults}
    return next((verdict for verdict in _WORST_FIRST if verdict in named), "Error")


def _mean(faults: Sequence[FaultResult]) -> float | None:
    weight = sum(fault.weight for fault in faults)
    if not weight:
        return None
    total = sum((fault.weight * _percentage(fault) for fault in faults), Decimal())
    return float((total / weight).quantize(_CENT, ROUND_DOWN))


def _percentage(fault: FaultResult) -> Decimal:
    if fault.measured and fault.probe_success_percentage is not None:
        return Decimal(str(fault.probe_success_percentage))
    return _WHOLE if fault.verdict == "Pass" else Decimal()
