"""Which sort keys a query covers, as one condition of DynamoDB."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from shared.clients.dynamodb.layout import MOST_OF_SORT_KEY, SORT_KEY, Item, text

_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF


@dataclass(frozen=True, slots=True)
class Span:
    """The sort keys between two others, which may belong to it or not; None is no bound."""

    low: str | None
    high: str | None
    without: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether no key can be inside: DynamoDB refuses such a condition."""
        if self.high == "":
            return True
        return self.low is not None and self.high is not None and self.low > self.high

    @property
    def condition(self) -> str:
        """The key condition; a `BETWEEN` includes both ends, so the reader leaves out those of `without`."""
        if self.low is not None and self.high is not None:
            return f" AND {SORT_KEY} BETWEEN :low AND :high"
        if self.low is not None:
            return f" AND {SORT_KEY} >= :low"
        return "" if self.high is None else f" AND {SORT_KEY} <= :high"

    @property
    def values(self) -> Item:
        """What stands for the bounds in the condition."""
        bounds = ((":low", self.low), (":high", self.high))
        return {name: text(bound) for name, bound in bounds if bound is not None}


def span(prefix: str, after: str | None, *, newest_first: bool) -> Span:
    """Return the keys that start with `prefix` and lie beyond `after` in that direction.

    Strings of Python compare by code points, which is the order of their UTF-8 bytes.
    """
    low, high = prefix, following(prefix)
    without = {high, after}
    if after is not None and newest_first:
        high = min(_cut(after), after if high is None else high)
    elif after is not None:
        low = max(prefix, _cut(after))
        without.add(_cut(after))
    return Span(low or None, high, frozenset(one for one in without if one is not None))


def _cut(mark: str) -> str:
    """Return the longest beginning that can be a sort key: none is between that and the whole."""
    return mark.encode()[:MOST_OF_SORT_KEY].decode(errors="ignore")


def following(prefix: str) -> str | None:
    """Return the first text after all that start with `prefix`; None if there is none."""
    kept = prefix.rstrip(chr(sys.maxunicode))
    if not kept:
        return None
    code = ord(kept[-1]) + 1
    if _FIRST_SURROGATE <= code <= _LAST_SURROGATE:
        code = _LAST_SURROGATE + 1
    return kept[:-1] + chr(code)
