"""The ledger: what happened and why, newest first, and how to have it done again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

import msgspec

from shared.errors import BadInput, Conflict, NotFound
from shared.model.calls import Answer, Call
from shared.model.ledger import Event, EventKind
from shared.rules.durations import seconds
from shared.services.api.desk import Desk, enabled
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, after_of, cursor_of, limit_of
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty
from shared.services.ledger import message
from shared.services.tables import EVENTS

KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
WALK: Final = 5000
"""Rows that one request looks at; whoever wants more goes on with the cursor."""

_CHUNK: Final = 100
_LATE: Final = timedelta(hours=1)
"""How much later than an order's expiry its last row may come."""


@dataclass(frozen=True, slots=True)
class Events:
    """Rows of the ledger."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        all_, one = "/projects/{project}/events", "/projects/{project}/events/{event}"
        query = (*QUERY, "kind", "workload", "since")
        return [
            Operation("GET", all_, "List the ledger, newest first", self.browse, query=query),
            Operation("GET", one, "Show one event", self.show),
            Operation("POST", f"{one}/replay", "Have an event acted on again", self.replay, "ReplayBody", 202),
        ]

    def browse(self, call: Call) -> Answer:
        """List rows; `kind`, `workload` (a change's subject) and `since` (RFC 3339) narrow the list.

        One request looks at `WALK` rows at most: a page may hold fewer than there are, even none, and `next` goes on.
        """
        project, limit, wanted = self.desk.project(call).value, limit_of(call), _Wanted.of(call)
        slack = timedelta(seconds=seconds(project.safety.expiry)) + _LATE
        rows = _until(self._newest_first(project.id, wanted.kinds, after_of(call)), wanted.since, slack)
        found, last = _collect(rows, wanted, limit)
        found.sort(key=lambda event: (event.at, event.id), reverse=True)
        following = None if last is None else cursor_of(last.id)
        return Answer(200, {"items": [show(row) for row in found], "next": following})

    def show(self, call: Call) -> Answer:
        """Show one row."""
        return Answer(200, show(self._find(call)))

    def replay(self, call: Call) -> Answer:
        """Act again on a delivery, sync or triggered change: what was done already is not done twice."""
        event, body = self._find(call), parse("ReplayBody", call)
        project = self.desk.project(call).value
        enabled(project)
        if event.kind in {"delivery", "sync"}:
            return self._resync(project.id, body.dry_run)
        if event.kind == "change" and event.verdict in {"triggered", "observed"}:
            return self._redispatch(project.id, event, body.dry_run)
        raise Conflict(f"a {event.kind} with verdict {event.verdict!r} has nothing to replay: {event.reason}")

    def _resync(self, project: str, dry_run: bool) -> Answer:  # noqa: FBT001 - the body's own flag, passed through
        if not dry_run:
            until_fresh(lambda: self.desk.store.commit(*dirty(self.desk.store, self.desk.ids, project)))
        return Answer(202, {"would": "sync the project with its branch head", "dry_run": dry_run})

    def _redispatch(self, project: str, event: Event, dry_run: bool) -> Answer:  # noqa: FBT001 - likewise
        if not dry_run:
            again = message(self.desk.ids, "dispatch", "change", project=project, change=event.id)
            self.desk.store.commit([], [again])
        return Answer(202, {"would": "make those orders of the change that were never made", "dry_run": dry_run})

    def _find(self, call: Call) -> Event:
        project, event = self.desk.project(call).value, call.params["event"]
        found = self.desk.store.get_many([EVENTS.key(project.id, kind, event) for kind in KINDS])
        for record in found.values():
            return EVENTS.read(record).value
        raise NotFound(f"no event {event[:80]!r} in project {project.id!r}")

    def _newest_first(self, project: str, kinds: tuple[str, ...], after: str | None) -> Iterator[Event]:
        columns = [self._column(EVENTS.partition(project, kind), after) for kind in kinds]
        return heapq.merge(*columns, key=lambda event: event.id, reverse=True)

    def _column(self, partition: str, after: str | None) -> Iterator[Event]:
        while rows := self.desk.store.query(partition, after=after, limit=_CHUNK, newest_first=True):
            yield from (EVENTS.read(row).value for row in rows)
            after = rows[-1].key.sort


@dataclass(frozen=True, slots=True)
class _Wanted:
    kinds: tuple[str, ...]
    workload: str | None
    since: datetime | None

    @classmethod
    def of(cls, call: Call) -> _Wanted:
        kind, since = call.query.get("kind"), call.query.get("since")
        if kind and kind not in KINDS:
            raise BadInput(f"kind={kind[:40]!r} is none of {', '.join(KINDS)}")
        return cls((kind,) if kind else KINDS, call.query.get("workload"), moment_of(since) if since else None)

    def matches(self, event: Event) -> bool:
        named = self.workload is None or event.subject == self.workload
        return named and (self.since is None or datetime.fromisoformat(event.at) >= self.since)


def _until(rows: Iterator[Event], since: datetime | None, slack: timedelta) -> Iterator[Event]:
    """Yield rows until none that follows can be as new as `since`.

    Rows are in the order of their ids. A row about an order bears the id that its change made possible, and may be
    written as long after it as an order lives: `slack`.
    """
    for row in rows:
        if since and since - datetime.fromisoformat(row.at) > slack:
            return
        yield row


def _collect(rows: Iterator[Event], wanted: _Wanted, limit: int) -> tuple[list[Event], Event | None]:
    """Return up to `limit` rows that are wanted, and the one behind which the next page begins, None at the end."""
    found: list[Event] = []
    for walked, row in enumerate(rows, 1):
        if wanted.matches(row):
            if len(found) == limit:
                return found, found[-1]
            found.append(row)
        if walked == WALK:
            return found, row
    return found, None


def moment_of(text: str) -> datetime:
    """Return the time that `since` names, aware: `BadInput` for what is no RFC 3339 time with a zone."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise BadInput(f"since={text[:40]!r} is no RFC 3339 time such as 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        raise BadInput(f"since={text[:40]!r} has no time zone: add Z for UTC")
    return moment


def show(event: Event) -> dict[str, Any]:
    """Return a row as the API shows it (CONTRACT, "API resources")."""
    shown: dict[str, Any] = msgspec.to_builtins(event)
    return shown
