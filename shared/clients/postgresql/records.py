"""Records as rows: each write as one statement that does nothing where its expectation does not hold.

A statement locks the record that it looks at until its transaction ends, also one that is not there: to hold a place
empty, a row is made there and removed again, for which others wait that would make one. So a commit's expectations hold
all at once, at the moment it takes effect, without a stricter isolation than the server's default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.clients.postgresql.statements import Result, Statement
from shared.model.records import ABSENT, Check, Delete, Key, Put, Record, Write

_HERE: Final = "partition = %s AND sort = %s"
_STAYS: Final = "(expires_at IS NULL OR expires_at > %s)"
_VERSION: Final = f"SELECT version FROM litmus_gitops_record WHERE {_HERE} AND {_STAYS}"  # noqa: S608 - constants only, as below
_ONE: Final = f"SELECT value, version FROM litmus_gitops_record WHERE {_HERE} AND {_STAYS}"  # noqa: S608
_SOME: Final = f"""
    SELECT r.partition, r.sort, r.value, r.version
    FROM unnest(%s::text[], %s::text[]) AS wanted (partition, sort)
    JOIN litmus_gitops_record r ON r.partition = wanted.partition AND r.sort = wanted.sort
    WHERE {_STAYS}"""  # noqa: S608
_PAGE: Final = (
    "SELECT sort, value, version FROM litmus_gitops_record WHERE partition = %s AND {} ORDER BY sort {} LIMIT %s"
)
_PAGES: Final = f"""
    SELECT asked.partition, found.sort, found.value, found.version
    FROM unnest(%s::text[]) AS asked (partition) CROSS JOIN LATERAL (
        SELECT sort, value, version FROM litmus_gitops_record r
        WHERE r.partition = asked.partition AND {_STAYS} ORDER BY sort LIMIT %s) AS found
    ORDER BY asked.partition, found.sort"""  # noqa: S608
_ADD: Final = """
    INSERT INTO litmus_gitops_record AS r (partition, sort, value, version, expires_at) VALUES (%s, %s, %s, 1, %s)
    ON CONFLICT (partition, sort) DO UPDATE SET value = excluded.value, version = 1, expires_at = excluded.expires_at"""
_ADD_IF_NONE: Final = f"{_ADD} WHERE r.expires_at <= %s"
_PUT: Final = _ADD.replace("version = 1,", "version = CASE WHEN r.expires_at <= %s THEN 1 ELSE r.version + 1 END,")
_REPLACE: Final = f"""
    UPDATE litmus_gitops_record SET value = %s, version = version + 1, expires_at = %s
    WHERE {_HERE} AND version = %s AND {_STAYS}"""  # noqa: S608
_DELETE: Final = f"DELETE FROM litmus_gitops_record WHERE {_HERE}"  # noqa: S608
_DELETE_IF: Final = f"{_DELETE} AND version = %s AND {_STAYS}"
_LOOK: Final = f"SELECT 1 FROM litmus_gitops_record WHERE {_HERE} AND version = %s AND {_STAYS} FOR SHARE"  # noqa: S608
_TIDY: Final = """
    DELETE FROM litmus_gitops_record WHERE (partition, sort) IN (
        SELECT partition, sort FROM litmus_gitops_record WHERE expires_at <= %s
        ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)"""
_FIRST_SURROGATE, _LAST_SURROGATE, _LAST_CHARACTER = 0xD800, 0xDFFF, 0x10FFFF


class Doing(NamedTuple):
    """The statements of one write, the first of which touches one row exactly if the expectation holds."""

    write: Write
    statements: tuple[Statement, ...]


def doing(write: Write, now: float, expiry: float | None) -> Doing:
    """Return what does one write at `now`; `expiry` is when what it puts will have aged."""
    place = (write.key.partition, write.key.sort)
    if write.expected == ABSENT and not isinstance(write, Put):
        return Doing(write, (Statement(_ADD_IF_NONE, (*place, b"", None, now)), Statement(_DELETE, place)))
    if isinstance(write, Check):
        return Doing(write, (Statement(_LOOK, (*place, write.expected, now)),))
    if isinstance(write, Delete):
        return Doing(write, _deleting(write, place, now))
    return Doing(write, (_putting(write, place, now, expiry),))


def _deleting(write: Delete, place: tuple[str, str], now: float) -> tuple[Statement, ...]:
    if write.expected is None:
        return Statement(_PUT, (*place, b"", None, now)), Statement(_DELETE, place)
    return (Statement(_DELETE_IF, (*place, write.expected, now)),)


def _putting(write: Put, place: tuple[str, str], now: float, expiry: float | None) -> Statement:
    if write.expected is None:
        return Statement(_PUT, (*place, write.value, expiry, now))
    if write.expected == ABSENT:
        return Statement(_ADD_IF_NONE, (*place, write.value, expiry, now))
    return Statement(_REPLACE, (write.value, expiry, *place, write.expected, now))


def one(key: Key, now: float) -> Statement:
    """Ask for one record."""
    return Statement(_ONE, (key.partition, key.sort, now))


def some(keys: Sequence[Key], now: float) -> Statement:
    """Ask for several records, as they are at one moment."""
    return Statement(_SOME, ([key.partition for key in keys], [key.sort for key in keys], now))


def version(key: Key, now: float) -> Statement:
    """Ask for a record's version."""
    return Statement(_VERSION, (key.partition, key.sort, now))


def page(partition: str, prefix: str, after: str | None, limit: int, now: float, *, newest_first: bool) -> Statement:  # noqa: PLR0913 - as the port has it
    """Ask for a page of a partition; its bounds stand as ranges, for the index to be walked and not searched."""
    bounds = [("sort >= %s", prefix), ("sort < %s", successor(prefix)), (_STAYS, now)]
    bounds.append(("sort < %s" if newest_first else "sort > %s", after))
    there = [(sql, value) for sql, value in bounds if value is not None]
    where = " AND ".join(sql for sql, _ in there)
    sql = _PAGE.format(where, "DESC" if newest_first else "ASC")
    return Statement(sql, (partition, *(value for _, value in there), limit))


def pages(partitions: Sequence[str], limit: int, now: float) -> Statement:
    """Ask for the first page of each partition, as they are at one moment."""
    return Statement(_PAGES, (list(partitions), now, limit))


def tidy(now: float, limit: int) -> Statement:
    """Remove records that aged, and none that somebody is just writing."""
    return Statement(_TIDY, (now, limit))


def read(partition: str, result: Result) -> list[Record]:
    """Return the records of a page."""
    return [Record(Key(partition, sort), value, number) for sort, value, number in result.rows]


def successor(prefix: str) -> str | None:
    """Return the first text, by bytes, that is beyond all that start with the prefix; None if nothing is."""
    head = prefix.rstrip(chr(_LAST_CHARACTER))
    if not head:
        return None
    following = ord(head[-1]) + 1
    return head[:-1] + chr(_LAST_SURROGATE + 1 if following == _FIRST_SURROGATE else following)
