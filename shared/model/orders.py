"""Orders: one instruction for one cluster, signed, with the guard that must hold before it acts."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from shared.model.changes import Changed
from shared.model.projects import Window

Action = Literal["prove", "run", "install", "remove", "stop"]
OrderState = Literal["held", "waiting", "ready", "taken", "refused", "superseded", "expired", "done"]


class Target(msgspec.Struct, frozen=True):
    """The workload that a guard is about, as seen from inside its cluster."""

    kind: str
    namespace: str
    name: str


class Guard(msgspec.Struct, frozen=True):
    """What the subscriber proves before it acts: same uid, and every changed path still has its value.

    `wait` bounds the wait for the rollout (a duration such as `10m`).
    """

    workload: Target
    uid: str
    changed: tuple[Changed, ...]
    wait: str = "10m"


class Order(msgspec.Struct, frozen=True):
    """What goes over the wire to a subscriber (CONTRACT, "Order and report").

    `manifest` is the file's text at its git blob, `digest` the SHA-256 of that text in hex;
    `parameters` are the labels and ids that rendering needs. Times are RFC 3339 UTC.
    """

    order: str
    project: str
    experiment: str
    action: Action
    not_after: str
    manifest: str | None = None
    digest: str | None = None
    guard: Guard | None = None
    traceparent: str = ""
    parameters: dict[str, Any] = {}


class Bounds(msgspec.Struct, frozen=True, omit_defaults=True):
    """What safety needs to know of an order again when it is let go (the same fields as the rules' facts).

    `triggered_at` is None where a person started it, which no storm holds.
    """

    subject: str | None = None
    triggered_at: str | None = None
    cooldown: str | None = None
    windows: tuple[Window, ...] = ()
    namespaces: tuple[str | None, ...] = ()
    faults: tuple[str, ...] = ()


class Approval(msgspec.Struct, frozen=True):
    """Who let an order go into a namespace that needs that, why, and when (RFC 3339 UTC)."""

    by: str
    reason: str
    at: str


class Dispatched(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as we keep it: to whom it goes, how far it came, and why.

    It is written twice at every step, so what is as it was to begin with is left out, as a manifest's text is: `blob`
    names the stored one. `change` is the ledger id of the change that caused it (None for a person's run), `after` the
    `prove` order that must succeed first, on cluster `origin`, `behind` the order of a newer change that takes its
    place once that is proved, `rule` what it waits for.
    """

    id: str
    project: str
    experiment: str
    cluster: str
    action: Action
    created_at: str
    not_after: str
    state: OrderState
    blob: str | None = None
    run: str | None = None
    guard: Guard | None = None
    change: str | None = None
    after: str | None = None
    reason: str = ""
    traceparent: str = ""
    attempts: int = 0
    rule: str = ""
    origin: str | None = None
    bounds: Bounds = Bounds()
    parameters: dict[str, Any] = {}
    approval: Approval | None = None
    behind: str = ""


class Standing(msgspec.Struct, frozen=True):
    """What of an open order decides on others of its cluster; all else in the record is left undecoded."""

    id: str
    cluster: str
    state: OrderState
    run: str | None = None
    after: str | None = None
    attempts: int = 0
