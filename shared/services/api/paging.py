"""Lists: `{"items": […], "next": cursor|null}`, with cursors of `[A-Za-z0-9_-]` that name the last row."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from shared.errors import BadInput
from shared.model.calls import Answer, Call
from shared.model.records import Record
from shared.ports.state import Store

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
QUERY: Final = ("limit", "cursor")
"""The parameters that every list takes."""

_NUMBER: Final = re.compile(r"0*([0-9]{1,4})", re.ASCII)
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,2000}", re.ASCII)
T = TypeVar("T")


def limit_of(call: Call) -> int:
    """Return how many rows the caller wants, 1 to `MAX_LIMIT`."""
    text = call.query.get("limit", str(DEFAULT_LIMIT))
    found = _NUMBER.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= MAX_LIMIT:
        raise BadInput(f"limit={text[:20]!r} is no number from 1 to {MAX_LIMIT}")
    return int(found[1])


def after_of(call: Call) -> str | None:
    """Return the sort key behind the caller's cursor, None for the first page."""
    cursor = call.query.get("cursor")
    return _sort_of(cursor) if cursor else None


def _sort_of(cursor: str) -> str:
    if _CURSOR.fullmatch(cursor):
        with suppress(ValueError):
            return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    raise BadInput("cursor is not one that this list gave out: start again without it")


def cursor_of(sort: str) -> str:
    """Return the cursor that continues beyond a sort key."""
    return base64.urlsafe_b64encode(sort.encode()).rstrip(b"=").decode()


def page(items: list[T], limit: int, sort: Callable[[T], str], show: Callable[[T], Any]) -> Answer:
    """Return a page of the first `limit` items; one more than that means there is a next page."""
    shown = items[:limit]
    following = cursor_of(sort(shown[-1])) if len(items) > limit else None
    return Answer(200, {"items": [show(item) for item in shown], "next": following})


def listing(
    store: Store, partition: str, call: Call, show: Callable[[Record], Any], *, newest_first: bool = False
) -> Answer:
    """Return the page of a partition that the call asks for."""
    limit = limit_of(call)
    rows = store.query(partition, after=after_of(call), limit=limit + 1, newest_first=newest_first)
    return page(rows, limit, lambda row: row.key.sort, show)
