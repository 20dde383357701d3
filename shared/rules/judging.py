"""Judges the conditions of policies on a change, in words that people can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from shared.model.changes import Change, Shown, Side
from shared.model.policies import Condition, Judged
from shared.rules.comparing import compare, same
from shared.rules.digests import SEAL, SENSITIVE
from shared.rules.lookups import HIDDEN, SEALED, Key, cut, hides, key

_written: Final = json.JSONEncoder(ensure_ascii=False).encode
_PHRASES: Final = {
    "EqualTo": ("equals", "does not equal"),
    "NotEqualTo": ("does not equal", "equals"),
    "LessThan": ("is less than", "is not less than"),
    "LessThanEqualTo": ("is at most", "is not at most"),
    "GreaterThan": ("is greater than", "is not greater than"),
    "GreaterThanEqualTo": ("is at least", "is not at least"),
}
_UNKNOWN: Final = SEAL + "0" * 64
"""The seal of a value that nobody sealed, since nobody knew that it would be asked for."""

_NOTHING: Final = Shown("")


class Value(NamedTuple):
    """What a key finds in a change: in the new object, in the old one, and whether that is a change (None: unknown)."""

    path: Key
    found: Any
    before: Any
    moved: bool | None


class Display(NamedTuple):
    """What may be shown of what a key finds, now and before, and both in words."""

    found: Any
    before: Any
    is_found: str
    was_found: str


@dataclass(frozen=True, slots=True)
class Values:
    """What keys find in one change, each looked up once however many policies name it."""

    change: Change
    created: bool
    _known: dict[str, Value] = field(default_factory=dict)
    _displays: dict[str, Display] = field(default_factory=dict)

    def of(self, name: str) -> Value:
        """Return what the key finds; at a creation every key changed, and a change of metadata alone moves no other."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._look(key(name))
        return known

    def _look(self, path: Key) -> Value:
        change = self.change
        old = None if self.created else change.old
        found, before = path.find(change.new.content), path.find(old.content) if old else None
        counts = self.created or bool(change.changed) or "metadata" in path.fields
        if not change.new.sealed:
            return Value(path, found, before, counts and not same(found, before))
        moved = not same(found, before) if path.simple else _moved(path, old, change.new)
        known = _known(path, change.new, found), _known(path, old, before) if old else None
        return Value(path, *known, moved if counts else False)

    def display(self, value: Value) -> Display:
        """Return what may be shown of a value, with nothing in it that may be a secret in an object of this kind."""
        known = self._displays.get(value.path.text)
        if known is None:
            kind = self.change.workload.kind
            found, before = value.path.show(value.found, kind), value.path.show(value.before, kind)
            known = self._displays[value.path.text] = Display(found, before, _text(found), _text(before))
        return known

    def hidden(self, value: Value) -> bool:
        """Whether what was found in the new object is known by its seal only."""
        return (bool(self.change.new.sealed) or self.change.workload.kind in SENSITIVE) and hides(value.found)


def _known(path: Key, side: Side, found: Any) -> Any:
    """Return what the key finds in a sealed side, seals where it is not known; `found` is what it finds among seals."""
    if path.simple and not hides(found):
        return found
    shown = _shown(path, side)
    if shown is not None and shown.told:
        return shown.value
    return found if path.simple else _UNKNOWN


def _moved(path: Key, old: Side | None, new: Side) -> bool | None:
    """Whether a key that looks at values finds another one than before, None if that cannot be known."""
    before, after = _shown(path, old) if old else _NOTHING, _shown(path, new)
    return None if before is None or after is None else before.seal != after.seal


def _shown(path: Key, side: Side) -> Shown | None:
    """Return what the cluster says that the key finds; once a `Scale` was joined in, not if replicas are part of it."""
    return None if side.partial and path.counting else side.shown.get(path.text)


class Weighed(NamedTuple):
    """A condition on a change: whether it holds, as what it was compared, and whether its key changed.

    `unknown` says that it might hold, but for a seal.
    """

    condition: Condition
    value: Value
    holds: bool
    how: str
    changed: bool
    unknown: bool = False


def weigh(condition: Condition, values: Values) -> Weighed:
    """Evaluate a condition on the new object."""
    value = values.of(condition.key)
    changed = bool(value.moved) or values.created
    if condition.operator == "Change":
        return Weighed(condition, value, bool(value.moved), "", changed, unknown=value.moved is None)
    if values.hidden(value):
        return Weighed(condition, value, holds=False, how="sealed", changed=changed, unknown=True)
    versioned = value.path.versioned
    holds, how = compare(value.found, condition.operator, condition.value or "", versioned=versioned)
    return Weighed(condition, value, holds, how, changed)


def explain(weighed: Weighed, values: Values) -> Judged:
    """Say what was compared, with nothing in it that may be a secret."""
    condition, display = weighed.condition, values.display(weighed.value)
    asked = _shown_value(condition, weighed.value.path, values.change.workload.kind)
    return Judged(
        key=condition.key,
        operator=condition.operator,
        value=asked,
        found=display.found,
        before=display.before,
        holds=weighed.holds,
        changed=weighed.changed,
        reason=_reason(weighed, asked, display),
        unknown=weighed.unknown,
    )


def combined(kind: Literal["and", "or"], weighed: Sequence[Weighed]) -> bool:
    """Whether all (`and`) or any (`or`) of the conditions hold, and the key of one that holds has changed."""
    holding = [one for one in weighed if one.holds]
    if kind == "and" and len(holding) < len(weighed):
        return False
    return any(one.changed for one in holding)


def undecided(kind: Literal["and", "or"], weighed: Sequence[Weighed]) -> bool:
    """Whether conditions that do not match might do so if everything that is unknown were in their favour."""
    if not any(one.unknown or one.value.moved is None for one in weighed):
        return False
    return combined(kind, [_favoured(one) for one in weighed])


def _favoured(one: Weighed) -> Weighed:
    return one._replace(holds=one.holds or one.unknown, changed=one.changed or one.value.moved is None)


def _shown_value(condition: Condition, path: Key, kind: str) -> str | None:
    if condition.value is None:
        return None
    return HIDDEN if path.private(kind) else cut(condition.value)


def _reason(weighed: Weighed, asked: str | None, display: Display) -> str:
    """Say in one clause what was compared and whether that counts, in words that may be shown."""
    condition, is_found = weighed.condition, f"{cut(weighed.condition.key)} is {display.is_found}"
    if condition.operator == "Change":
        return f"{is_found}, {_moves(weighed, display)}"
    phrases = _PHRASES[condition.operator]
    if weighed.unknown:
        return f"{is_found}, so whether it {phrases[0]} {_text(asked)} is unknown"
    value = _text(asked) if isinstance(display.found, str) else asked
    phrase = phrases[0 if weighed.holds else 1]
    return f"{is_found}, which {phrase} {value} ({weighed.how}), and {_moves(weighed, display)}"


def _moves(weighed: Weighed, display: Display) -> str:
    if weighed.changed:
        return f"it was {display.was_found} before"
    return "it did not change" if weighed.value.moved is not None else "whether it changed is unknown"


def _text(value: Any) -> str:
    return "nothing" if value is None else value if value in {HIDDEN, SEALED} else _written(value)
