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


Statement = tuple[str, list[object]]
"""SQL and its values."""


def in_parts(values: Sequence[T], most: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """Yield the values in parts of at most so many, by default those that one statement takes."""
    return (values[start : start + most] for start in range(0, len(values), most))


def tuples(count: int, columns: int) -> str:
    """Return the parameters of so many rows, as in `(?, ?), (?, ?)`."""
    return ", ".join([f"({', '.join('?' * columns)})"] * count)


def looking_up(keys: Sequence[Key], columns: str, now: float) -> list[Statement]:
    """Return what reads `partition`, `sort` and these columns of those records that are there `now`.

    `now` is in seconds since 1970.
    """
    return [
        (_looking_up(len(few), columns), [*(part for key in few for part in (key.partition, key.sort)), now])
        for few in in_parts(keys)
    ]


def listing(partitions: Sequence[str], limit: int, now: float) -> list[Statement]:
    """Return what reads `partition`, `sort`, `value` and `version` of the first `limit` records of each partition."""
    return [
        (_listing(len(few)), [value for partition in few for value in (partition, now, limit)])
        for few in in_parts(partitions)
    ]


@cache
def _looking_up(count: int, columns: str) -> str:
    """Return the statement; by `CROSS JOIN`, since SQLite might scan its whole table for a list of keys."""
    return f"""SELECT partition, sort, {columns} FROM (VALUES {tuples(count, 2)}) CROSS JOIN record
               ON partition = column1 AND sort = column2 WHERE {STAYS}"""  # noqa: S608 - constants only


@cache
def _listing(count: int) -> str:
    one = f"""SELECT * FROM (SELECT partition, sort, value, version FROM record
              WHERE partition = ? AND {STAYS} ORDER BY sort LIMIT ?)"""  # noqa: S608 - likewise
    return " UNION ALL ".join([one] * count)
