"""Which events a sink is told of, and which there are."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from shared.errors import Invalid
from shared.model.projects import Sink

EVENTS: Final = (
    "change.triggered",
    "change.observed",
    "order.waiting",
    "order.held",
    "order.refused",
    "order.expired",
    "run.completed",
    "run.stopped",
    "run.error",
    "run.skipped",
    "run.expired",
)
"""Rows of the ledger that sinks can be told of: their kind and verdict."""


def check_sinks(sinks: Iterable[Sink]) -> None:
    """Refuse sinks that cannot be told apart, cannot be signed for, or would never hear anything."""
    names: set[str] = set()
    for sink in sinks:
        if problem := _problem(sink, names):
            raise Invalid(f"sink {sink.name}: {problem}")
        names.add(sink.name)


def heeds(sink: Sink, event: str) -> bool:
    """Whether a sink is told of an event, such as `run.completed`."""
    return event in EVENTS and any(fnmatchcase(event, pattern) for pattern in sink.events)


def _problem(sink: Sink, names: set[str]) -> str | None:
    if sink.name in names:
        return "another one has this name"
    if sink.kind == "webhook" and sink.secret is None:
        return "a webhook is signed: name its `secret` by reference"
    deaf = [pattern for pattern in sink.events if not any(fnmatchcase(event, pattern) for event in EVENTS)]
    return f"no event is called {deaf[0]!r}: there are {', '.join(EVENTS)}" if deaf else None
