"""Plain YAML scalars as Kubernetes reads them, less the words that surprise people.

Numbers follow the rules of the parser behind `kubectl` (sigs.k8s.io/yaml): `0644` is octal, `1e3` is 1000, and a float
without a fraction becomes an integer. Unlike there, only `true` and `false` are booleans, and `on`, `yes`, `no`,
`1_000`, dates and `12:30:45` stay strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...]] = (
    (re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII), int),
    (re.compile(r"[-+]?0o?[0-7]+", re.ASCII), lambda text: int(text.replace("o", ""), 8)),
    (re.compile(r"[-+]?0x[0-9a-fA-F]+", re.ASCII), lambda text: int(text, 16)),
    (re.compile(r"[-+]?0b[01]+", re.ASCII), lambda text: int(text, 2)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII), float),
)
_STARTS: Final = frozenset("+-.0123456789")
_LONGEST: Final = 64
_UNREADABLE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGERS: Final = (-(1 << 63), (1 << 64) - 1)
_WHOLE_BELOW: Final = 1e21


class NotFinite(ValueError):
    """The scalar is infinite or not a number, which JSON and so Kubernetes cannot hold."""


def resolve(text: str) -> Any:
    """Return the value of a plain scalar: None, a boolean, an integer, a float or the text itself.

    Raises `NotFinite` for `.inf` and `.nan`.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS or len(text) > _LONGEST:
        return text
    if _UNREADABLE.fullmatch(text):
        raise NotFinite(text)
    return _number(text)


def _number(text: str) -> Any:
    for pattern, read in _NUMBERS:
        if pattern.fullmatch(text):
            return _bounded(text, read(text))
    return text


def _bounded(text: str, number: float) -> Any:
    if isinstance(number, int) and not _INTEGERS[0] <= number <= _INTEGERS[1]:
        number = float(number)
    if abs(number) == float("inf"):
        return text
    return int(number) if number == int(number) and abs(number) < _WHOLE_BELOW else number
