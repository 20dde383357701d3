"""What monitors say: the values of a query, or the alerts that fire."""

from __future__ import annotations

import msgspec

from shared.model.projects import StopCondition


class Sample(msgspec.Struct, frozen=True):
    """One value and the labels of its series; an alert that fires is a 1."""

    value: float
    labels: dict[str, str] = {}


class Heard(msgspec.Struct, frozen=True):
    """What a monitor said; `problem` tells why that is nothing, or not all of it."""

    samples: tuple[Sample, ...] = ()
    problem: str = ""


class Reading(msgspec.Struct, frozen=True):
    """A stop condition and what was heard of it."""

    condition: StopCondition
    heard: Heard
