"""Stop conditions: what a monitor said is a breach, is fine, or cannot be judged, which is never taken for fine."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

from shared.errors import Invalid
from shared.model.monitoring import Reading, Sample
from shared.model.projects import StopCondition
from shared.rules.facts import Facts, Refusal
from shared.rules.urls import check_monitor

RULE: Final = "stop conditions"

_COMPARISON: Final = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*([-+0-9.eE]+)\s*")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def check_conditions(conditions: Iterable[StopCondition], *, allow_local: bool) -> None:
    """Refuse conditions that could never be asked, or never be told apart: `Invalid` names the one."""
    names: set[str] = set()
    for condition in conditions:
        if problem := _problem(condition, names):
            raise Invalid(f"stop condition {condition.name}: {problem}")
        check_monitor(condition.url, allow_local=allow_local)
        names.add(condition.name)


def applies(condition: StopCondition, cluster: str) -> bool:
    """Whether a condition is about a cluster."""
    return not condition.clusters or any(fnmatchcase(cluster, pattern) for pattern in condition.clusters)


def judged(readings: Iterable[Reading]) -> Refusal | None:
    """Return the first breach, else the first condition that cannot be judged, which waits; None if all is well."""
    taken = tuple(readings)
    breach = next((said for reading in taken if (said := _breach(reading))), None)
    if breach:
        return Refusal(RULE, breach)
    unknown = next((said for reading in taken if (said := _unknown(reading))), None)
    return Refusal(RULE, unknown, wait=True) if unknown else None


def stop_conditions(facts: Facts) -> Refusal | None:
    """Refuse on a breach, wait on what cannot be judged."""
    return judged(facts.readings)


def _problem(condition: StopCondition, names: set[str]) -> str | None:
    if condition.name in names:
        return "another one has this name: the ledger would not tell which it was"
    if (condition.promql is None) == (condition.alert is None):
        return "name a query as `promql` or an alert as `alert`, one of the two"
    if condition.when is None:
        return None
    if condition.alert is not None:
        return "an alert that fires is a breach by itself: leave `when` out"
    return None if _comparison(condition.when) else f"{condition.when!r} compares nothing: write it as in `> 0.05`"


def _comparison(when: str) -> tuple[Callable[[float, float], bool], float] | None:
    found = _COMPARISON.fullmatch(when)
    try:
        return (_COMPARE[found[1]], float(found[2])) if found else None
    except ValueError:
        return None


def _breach(reading: Reading) -> str | None:
    condition = reading.condition
    for sample in reading.heard.samples:
        if condition.alert is not None:
            return f"{condition.name} is breached: alert {condition.alert} fires{_of(sample)}"
        if condition.when is None:
            return f"{condition.name} is breached: its query has a result, {sample.value:g}{_of(sample)}"
        if _compares(condition.when, sample.value):
            return (
                f"{condition.name} is breached: it is {sample.value:g}{_of(sample)}, and {condition.when} stops chaos"
            )
    return None


def _compares(when: str, value: float) -> bool:
    compared = _comparison(when)
    return compared is None or (not math.isnan(value) and compared[0](value, compared[1]))


def _unknown(reading: Reading) -> str | None:
    name, heard = reading.condition.name, reading.heard
    if heard.problem:
        return f"{name} cannot be judged: {heard.problem}"
    if reading.condition.when is None:
        return None
    if not heard.samples:
        return f"{name} cannot be judged: its query has no result; `or vector(0)` behind it would say that none is 0"
    unclear = next((sample for sample in heard.samples if math.isnan(sample.value)), None)
    return f"{name} cannot be judged: its value{_of(unclear)} is not a number" if unclear else None


def _of(sample: Sample) -> str:
    """Return whose value it is, briefly."""
    shown = ", ".join(f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "alertname")
    return f" ({shown[:200]})" if shown else ""
