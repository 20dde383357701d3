"""Typed comparison of a value in an object with the text in a policy (docs/policies.md, "How values compare")."""

from __future__ import annotations

import json
import operator as operators
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from shared.model.policies import Operator
from shared.rules.quantities import number, percentage, quantity
from shared.rules.versions import image, version

Pair: TypeAlias = tuple[Any, Any]
Reading: TypeAlias = Callable[[str, str], Pair | None]

_ORDERS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    "LessThan": operators.lt,
    "LessThanEqualTo": operators.le,
    "GreaterThan": operators.gt,
    "GreaterThanEqualTo": operators.ge,
}


_COMPARES: Final[dict[Operator, Callable[[Any, Any], bool]]] = {"EqualTo": operators.eq, **_ORDERS}
_SHORT: Final = 256
"""Characters up to which a text is remembered with what came of it."""

_UNEQUAL: Final = (bool, dict, list)
_NO_ORDER: Final[Pair] = (float("nan"), float("nan"))
"""Two sides of which none is less, greater or equal."""


class Compared(NamedTuple):
    """Whether the comparison holds, and as what the two sides were compared."""

    holds: bool
    how: str


def compare(found: Any, operator: Operator, value: str, *, versioned: bool = False) -> Compared:
    """Compare what was found in an object with a policy's value, by any operator but `Change`.

    `versioned` says that the key names a version or an image, where `1.10` is a version before it is a number.
    `NotEqualTo` is always the opposite of `EqualTo`; where nothing was found, nothing else holds.
    """
    if operator == "NotEqualTo":
        equal = compare(found, "EqualTo", value, versioned=versioned)
        return Compared(not equal.holds, equal.how)
    if found is None:
        return Compared(holds=False, how="nothing was found")
    if isinstance(found, dict | list):
        return _compare_container(found, operator, value, versioned=versioned)
    return _compare_scalar(found, operator, value, versioned=versioned)


def _compare_container(found: Any, operator: Operator, value: str, *, versioned: bool) -> Compared:
    """Compare a whole list or mapping with JSON, else any item of a list, however deep its lists are nested."""
    whole = _json(value)
    if operator == "EqualTo" and type(whole) is type(found):
        return Compared(same(found, whole), "as JSON")
    if isinstance(found, dict):
        return Compared(holds=False, how="a mapping equals only JSON and has no order")
    items = list(_scalars(found))
    holds = any(_compare_scalar(item, operator, value, versioned=versioned).holds for item in items)
    return Compared(holds, f"any of {len(items)} items")


def _compare_scalar(found: Any, operator: Operator, value: str, *, versioned: bool) -> Compared:
    if isinstance(found, str) and len(found) > _SHORT:
        return _compared.__wrapped__(found, operator, value, versioned=versioned)
    return _compared(found, operator, value, versioned=versioned)


@lru_cache(4096, typed=True)
def _compared(found: Any, operator: Operator, value: str, *, versioned: bool) -> Compared:
    """Return the same for each of the many changes in which a policy finds the same."""
    if isinstance(found, bool):
        return Compared(operator == "EqualTo" and value == json.dumps(found), "as booleans")
    for how, reading in _readings(found, operator, versioned=versioned):
        pair = reading(str(found), value)
        if pair is not None:
            return Compared(_COMPARES[operator](*pair), f"as {how}")
    return Compared(holds=False, how="a number beside text that is none")


def _readings(found: float | str, operator: Operator, *, versioned: bool) -> tuple[tuple[str, Reading], ...]:
    if not isinstance(found, str):
        return _NUMERIC
    first = (_AS_VERSIONS,) if versioned else ()
    return (*first, *_NUMERIC, _AS_PERCENTAGES, _AS_VERSIONS, *((_AS_TAGS,) if operator in _ORDERS else ()), _AS_TEXT)


def _both(read: Callable[[str], Any]) -> Reading:
    def reading(found: str, value: str) -> Pair | None:
        one = read(found)
        other = read(value) if one is not None else None
        return None if other is None else (one, other)

    return reading


def _tags(found: str, value: str) -> Pair | None:
    """Order images by tag where they have one name, and an image among bare versions; other images have no order."""
    mine, theirs = image(found), image(value)
    if mine is None or (theirs is None and version(value) is None):
        return None
    wanted = version(theirs.tag if theirs else value)
    tag = version(mine.tag)
    if tag is None or wanted is None or (theirs and theirs.name != mine.name):
        return _NO_ORDER
    return tag, wanted


_NUMERIC: Final = (("numbers", _both(number)), ("quantities", _both(quantity)))
_AS_PERCENTAGES: Final = ("percentages", _both(percentage))
_AS_VERSIONS: Final = ("versions", _both(version))
_AS_TAGS: Final = ("image tags", _tags)
_AS_TEXT: Final = ("text", _both(str))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, `1` and `1.0` being one number and `true` being none; no depth is too deep."""
    waiting = [(one, other)]
    while waiting:
        mine, theirs = waiting.pop()
        if isinstance(mine, dict) and isinstance(theirs, dict) and mine.keys() == theirs.keys():
            waiting += [(mine[name], theirs[name]) for name in mine]
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            waiting += zip(mine, theirs, strict=True)
        elif isinstance(mine, _UNEQUAL) or isinstance(theirs, _UNEQUAL):
            if mine is not theirs:
                return False
        elif mine != theirs:
            return False
    return True


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _scalars(found: list[Any]) -> Iterator[Any]:
    waiting = list(reversed(found))
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        elif item is not None and not isinstance(item, dict):
            yield item
