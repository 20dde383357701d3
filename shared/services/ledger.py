"""Writes the ledger's rows and the messages that go with them; nothing here touches the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.model.ledger import Event, EventKind, Link
from shared.model.messages import Message
from shared.model.records import ABSENT, Put
from shared.model.times import written
from shared.ports.ambient import Clock, Ids
from shared.services.tables import EVENTS


def stamp(clock: Clock) -> str:
    """Return now as records keep it: RFC 3339, UTC, milliseconds."""
    return written(clock())


def message(ids: Ids, function: str, action: str, *, delay: float = 0.0, **records: str) -> Message:
    """Return a message that asks `function` for `action` on these records, visible after `delay` seconds."""
    return Message(ids(), function, action, records, delay)


def reminder(function: str, action: str, delay: float = 0.0, **records: str) -> Message:
    """Return a message whose id says what it is about: while one is on its way, another is not added."""
    return Message("-".join(("remind", function, action, *records.values())), function, action, records, delay)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Makes rows that say what happened, to what, and why."""

    clock: Clock
    ids: Ids

    def row(  # noqa: PLR0913 - a row's columns, each by name
        self,
        project: str,
        kind: EventKind,
        *,
        verdict: str,
        reason: str,
        subject: str,
        detail: Mapping[str, Any] | None = None,
        links: Sequence[tuple[str, str]] = (),
        event_id: str | None = None,
    ) -> tuple[Event, Put]:
        """Return the event and its write; `links` are (rel, id) pairs."""
        event = Event(
            id=event_id or self.ids(),
            at=stamp(self.clock),
            kind=kind,
            verdict=verdict,
            reason=reason,
            subject=subject,
            detail=dict(detail or {}),
            links=tuple(Link(rel, record) for rel, record in links),
        )
        return event, EVENTS.put(event, project, kind, event.id, expected=ABSENT)
