"""How an experiment fares, from the newest runs of its history.

A run is *measured* if it completed with a score: one that broke or was stopped says nothing of the workload. Of those,
`pass_rate` is the percentage whose verdict is Pass, and `mean_score` the mean of their scores.

`direction` compares the newest measured runs, 20 at most: the mean score of their newer half with that of the older
half, where the middle one of an odd number is in neither. It is `rising` or `falling` if they differ by more than one
point, else `steady`, and `unknown` of fewer than four runs.

`median_seconds` and `p95_seconds` are the median and the 95th percentile, both by nearest rank, of the seconds from
trigger to verdict: of all that completed and whose trigger is known, so of none that a schedule started.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil, fsum
from typing import Final, Literal

import msgspec

from shared.model.runs import Concluded

Direction = Literal["rising", "falling", "steady", "unknown"]

_COMPARED: Final = 20
_LEAST: Final = 4
_POINT: Final = 1.0


class Trend(msgspec.Struct, frozen=True):
    """What the module's definitions make of `runs` runs; percentages and seconds are None where there are none."""

    runs: int
    measured: int
    pass_rate: float | None
    mean_score: float | None
    direction: Direction
    median_seconds: float | None
    p95_seconds: float | None


def trend(history: Sequence[Concluded]) -> Trend:
    """Return the trend of these runs, given newest first."""
    measured = [(run.verdict, run.score) for run in history if run.state == "completed" and run.score is not None]
    scores = [score for _, score in measured]
    passed = [100.0 * (verdict == "Pass") for verdict, _ in measured]
    took = sorted(span for run in history if run.state == "completed" and (span := seconds(run)) is not None)
    return Trend(
        runs=len(history),
        measured=len(measured),
        pass_rate=round(_mean(passed), 2) if passed else None,
        mean_score=round(_mean(scores), 2) if scores else None,
        direction=_direction(scores[:_COMPARED]),
        median_seconds=_percentile(took, 50),
        p95_seconds=_percentile(took, 95),
    )


def seconds(run: Concluded) -> float | None:
    """Return the seconds from what triggered a run to its end, None where the trigger's time is not known."""
    if not run.triggered_at:
        return None
    return (datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.triggered_at)).total_seconds()


def _direction(scores: Sequence[float]) -> Direction:
    """Return where scores go that are given newest first."""
    if len(scores) < _LEAST:
        return "unknown"
    half = len(scores) // 2
    gained = _mean(scores[:half]) - _mean(scores[-half:])
    if abs(gained) <= _POINT:
        return "steady"
    return "rising" if gained > 0 else "falling"


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    return ordered[ceil(percent * len(ordered) / 100) - 1] if ordered else None
