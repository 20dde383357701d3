"""Triggers: what the ledger's `change` event keeps, under `trigger` in its detail, for dispatch to act on."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.model.changes import Changed, Workload
from shared.model.projects import Window


class Trigger(msgspec.Struct, frozen=True):
    """A change that starts `experiments`; `changed` is what its guard proves, `commits` are told the results.

    `cooldowns`, `waits` and `windows` hold the policies' own bounds by experiment (as `Decision` has them).
    Written by whoever decides, as `detail["trigger"] = msgspec.to_builtins(trigger)`.
    """

    workload: Workload
    uid: str
    changed: tuple[Changed, ...]
    experiments: tuple[str, ...]
    commits: tuple[str, ...] = ()
    cooldowns: dict[str, str] = {}
    waits: dict[str, str] = {}
    windows: dict[str, tuple[Window, ...]] = {}


class Pushed(msgspec.Struct, frozen=True):
    """A start that a push asked for: its orders are named by `id`; `at` (RFC 3339 UTC) is when it was decided.

    `counted` is one that safety remembers, `done` one whose orders are made; `among` is how many starts the same push
    asked for, this one included. `traceparent` is the trace context of the delivery that brought it, empty where that
    bore none. `came_at` (RFC 3339 UTC) is when the first delivery came that its sync took in, empty where none did.
    """

    id: str
    at: str
    state: Literal["decided", "counted", "done"] = "decided"
    traceparent: str = ""
    among: int = 1
    came_at: str = ""
