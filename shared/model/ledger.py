"""The ledger: every delivery, sync, edit, change, order, run and report, with its reason and links."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

EventKind = Literal["delivery", "sync", "edit", "change", "order", "run", "report", "cluster"]


class Link(msgspec.Struct, frozen=True):
    """Another record that this event belongs to: `rel` names how, `id` which."""

    rel: str
    id: str


class Event(msgspec.Struct, frozen=True):
    """One row. `id` sorts by time; `at` is RFC 3339 UTC; `reason` is for people; `detail` never holds a secret."""

    id: str
    at: str
    kind: EventKind
    verdict: str
    reason: str
    subject: str
    detail: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
