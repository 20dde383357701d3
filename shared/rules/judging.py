"""Judges the conditions of policies on a change, in words that people can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from shared.model.changes import Change
from shared.model.policies import Condition, Judged
from shared.rules.comparing import Compared, compare, same
from shared.rules.lookups import HIDDEN, Key, cut, key

_PHRASES: Final = {
    "EqualTo": ("equals", "does not equal"),
    "NotEqualTo": ("does not equal", "equals"),
    "LessThan": ("is less than", "is not less than"),
    "LessThanEqualTo": ("is at most", "is not at most"),
    "GreaterThan": ("is greater than", "is not greater than"),
    "GreaterThanEqualTo": ("is at least", "is not at least"),
}


def judge(condition: Condition, change: Change, *, created: bool) -> Judged:
    """Evaluate a condition on the new object, and say whether its key changed (at a creation, every key did).

    A change of metadata alone moves only a key that names metadata.
    """
    path = key(condition.key)
    found = path.find(change.new.content)
    before = None if created or change.old is None else path.find(change.old.content)
    moved = not same(found, before) and (created or bool(change.changed) or "metadata" in path.fields)
    compared = _compared(condition, path, found, moved=moved)
    kind = change.workload.kind
    shown = path.show(found, kind), path.show(before, kind), _shown_value(condition, path, kind)
    return _said(condition, compared, shown, changed=moved or created)


def combined(kind: Literal["and", "or"], judged: Sequence[Judged]) -> bool:
    """Whether all (`and`) or any (`or`) of the conditions hold, and the key of one that holds has changed."""
    holding = [one for one in judged if one.holds]
    if kind == "and" and len(holding) < len(judged):
        return False
    return any(one.changed for one in holding)


def _compared(condition: Condition, path: Key, found: Any, *, moved: bool) -> Compared:
    if condition.operator == "Change":
        return Compared(moved, "")
    return compare(found, condition.operator, condition.value or "", versioned=path.versioned)


def _said(condition: Condition, compared: Compared, shown: tuple[Any, Any, str | None], *, changed: bool) -> Judged:
    found, before, value = shown
    judged = Judged(
        key=condition.key,
        operator=condition.operator,
        value=value,
        found=found,
        before=before,
        holds=compared.holds,
        changed=changed,
        reason="",
    )
    return msgspec.structs.replace(judged, reason=_reason(judged, compared.how))


def _shown_value(condition: Condition, path: Key, kind: str) -> str | None:
    if condition.value is None:
        return None
    return HIDDEN if path.private(kind) else cut(condition.value)


def _reason(judged: Judged, how: str) -> str:
    """Say in one clause what was compared and whether that counts."""
    key, found = cut(judged.key), _text(judged.found)
    moved = f"it was {_text(judged.before)} before" if judged.changed else "it did not change"
    if judged.operator == "Change":
        return f"{key} is {found}, {moved}"
    phrase = _PHRASES[judged.operator][0 if judged.holds else 1]
    value = _text(judged.value) if isinstance(judged.found, str) else judged.value
    return f"{key} is {found}, which {phrase} {value} ({how}), and {moved}"


def _text(value: Any) -> str:
    return "nothing" if value is None else value if value == HIDDEN else json.dumps(value, ensure_ascii=False)
