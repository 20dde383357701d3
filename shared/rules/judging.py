"""Judges the conditions of policies on a change, in words that people can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import msgspec

from shared.model.changes import Change
from shared.model.policies import Condition, Judged
from shared.rules.comparing import compare, same
from shared.rules.lookups import HIDDEN, Key, cut, key

_written: Final = json.JSONEncoder(ensure_ascii=False).encode
_PHRASES: Final = {
    "EqualTo": ("equals", "does not equal"),
    "NotEqualTo": ("does not equal", "equals"),
    "LessThan": ("is less than", "is not less than"),
    "LessThanEqualTo": ("is at most", "is not at most"),
    "GreaterThan": ("is greater than", "is not greater than"),
    "GreaterThanEqualTo": ("is at least", "is not at least"),
}


class Value(NamedTuple):
    """What a key finds in a change: in the new object, in the old one, and whether that is a change."""

    path: Key
    found: Any
    before: Any
    moved: bool


@dataclass(frozen=True, slots=True)
class Values:
    """What keys find in one change, each looked up once however many policies name it."""

    change: Change
    created: bool
    _known: dict[str, Value] = field(default_factory=dict)

    def of(self, name: str) -> Value:
        """Return what the key finds; at a creation every key changed, and a change of metadata alone moves no other."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._look(key(name))
        return known

    def _look(self, path: Key) -> Value:
        change = self.change
        found = path.find(change.new.content)
        before = None if self.created or change.old is None else path.find(change.old.content)
        counts = self.created or bool(change.changed) or "metadata" in path.fields
        return Value(path, found, before, counts and not same(found, before))


class Weighed(NamedTuple):
    """A condition on a change: whether it holds, as what it was compared, and whether its key changed."""

    condition: Condition
    value: Value
    holds: bool
    how: str
    changed: bool


def weigh(condition: Condition, values: Values) -> Weighed:
    """Evaluate a condition on the new object."""
    value = values.of(condition.key)
    if condition.operator == "Change":
        holds, how = value.moved, ""
    else:
        versioned = value.path.versioned
        holds, how = compare(value.found, condition.operator, condition.value or "", versioned=versioned)
    return Weighed(condition, value, holds, how, value.moved or values.created)


def explain(weighed: Weighed, kind: str) -> Judged:
    """Say what was compared, in an object of this kind, with nothing in it that may be a secret."""
    condition, value = weighed.condition, weighed.value
    judged = Judged(
        key=condition.key,
        operator=condition.operator,
        value=_shown_value(condition, value.path, kind),
        found=value.path.show(value.found, kind),
        before=value.path.show(value.before, kind),
        holds=weighed.holds,
        changed=weighed.changed,
        reason="",
    )
    return msgspec.structs.replace(judged, reason=_reason(judged, weighed.how))


def combined(kind: Literal["and", "or"], weighed: Sequence[Weighed]) -> bool:
    """Whether all (`and`) or any (`or`) of the conditions hold, and the key of one that holds has changed."""
    holding = [one for one in weighed if one.holds]
    if kind == "and" and len(holding) < len(weighed):
        return False
    return any(one.changed for one in holding)


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
    return "nothing" if value is None else value if value == HIDDEN else _written(value)
