"""Statements over several rows at a time.

SQLite's driver lets other threads run during each statement, and then has to wait for its turn in the interpreter. A
writer keeps all others waiting meanwhile, so the fewer statements the better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, TypeVar

from shared.model.records import Key

T = TypeVar("T")

AT_ONCE: Final = 16
"""Rows that one statement reads or writes at most: the driver keeps a statement of each length compiled."""

STAYS: Final = "(expires_at IS NULL OR expires_at > ?)"
"""Whether a record is there at a time, in seconds since 1970."""


def in_parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in parts that one statement takes."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def tuples(count: int, columns: int) -> str:
    """Return the parameters of so many rows: `(?, ?), (?, ?)`."""
    return ", ".join([f"({', '.join('?' * columns)})"] * count)


def looking_up(keys: Sequence[Key], columns: str, now: float) -> tuple[str, list[object]]:
    """Return what reads `partition`, `sort` and these columns of those records that are there `now`, with its values.

    `now` is in seconds since 1970.
    """
    values: list[object] = [part for key in keys for part in (key.partition, key.sort)]
    return _looking_up(len(keys), columns), [*values, now]


@cache
def _looking_up(count: int, columns: str) -> str:
    """Return the statement; by `CROSS JOIN`, since SQLite might scan its whole table for a list of keys."""
    return f"""SELECT partition, sort, {columns} FROM (VALUES {tuples(count, 2)}) CROSS JOIN record
               ON partition = column1 AND sort = column2 WHERE {STAYS}"""  # noqa: S608 - constants only
