"""The ledger: what happened and why, newest first, and how to have it done again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, get_args

import msgspec

from shared.errors import BadInput, Conflict, NotFound
from shared.model.calls import Answer, Call
from shared.model.ledger import Event, EventKind
from shared.services.api.bodies import ReplayBody
from shared.services.api.desk import Desk, enabled
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import after_of, limit_of, page
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty
from shared.services.ledger import message
from shared.services.tables import EVENTS

KINDS: tuple[EventKind, ...] = get_args(EventKind)
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Events:
    """Rows of the ledger."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        one = "/projects/{project}/events/{event}"
        return [
            Operation("GET", "/projects/{project}/events", "List the ledger, newest first", self.browse),
            Operation("GET", one, "Show one event", self.show),
            Operation("POST", f"{one}/replay", "Have an event acted on again", self.replay, ReplayBody, 202),
        ]

    def browse(self, call: Call) -> Answer:
        """List rows; `kind`, `workload` (a change's subject) and `since` (RFC 3339) narrow the list."""
        project, limit = self.desk.project(call).value, limit_of(call)
        wanted = _Wanted.of(call)
        rows = (row for row in self._newest_first(project.id, wanted.kinds, after_of(call)) if wanted.matches(row))
        recent = (row for row in _while_since(rows, wanted.since))
        return page(list(islice(recent, limit + 1)), limit, lambda row: row.id, show)

    def show(self, call: Call) -> Answer:
        """Show one row."""
        return Answer(200, show(self._find(call)))

    def replay(self, call: Call) -> Answer:
        """Act again on a delivery, sync or triggered change: what was done already is not done twice."""
        event, body = self._find(call), parse(ReplayBody, call)
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
        raise NotFound(f"no event {event!r} in project {project.id!r}")

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
        return cls((kind,) if kind else KINDS, call.query.get("workload"), _time(since) if since else None)

    def matches(self, event: Event) -> bool:
        return self.workload is None or event.subject == self.workload


def _while_since(rows: Iterator[Event], since: datetime | None) -> Iterator[Event]:
    for row in rows:
        if since and datetime.fromisoformat(row.at) < since:
            return
        yield row


def _time(text: str) -> datetime:
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
