"""One statement with its parameters, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Row = tuple[Any, ...]


class Statement(NamedTuple):
    """SQL with `%s` where its parameters go; they travel apart from it."""

    sql: str
    parameters: Sequence[object] = ()


class Result(NamedTuple):
    """The rows that a statement returned, and how many it touched."""

    rows: list[Row]
    touched: int
