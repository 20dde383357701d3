"""Runs: one experiment carried out on one cluster, its faults, verdict and score."""

from __future__ import annotations

from typing import Literal

import msgspec

RunState = Literal[
    "queued", "waiting", "running", "completed", "skipped", "expired", "stopped", "error", "needs_attention"
]
Verdict = Literal["Pass", "Fail", "Error", "Stopped", "Awaited", "NotMeasured", ""]


class FaultResult(msgspec.Struct, frozen=True):
    """One fault's outcome; `measured` is False where no probe measured anything."""

    name: str
    verdict: str
    probe_success_percentage: float | None = None
    weight: int = 10
    measured: bool = True


class Report(msgspec.Struct, frozen=True):
    """What a subscriber says about a run (CONTRACT, "Order and report").

    `order` is None for a scheduled run, of which `commit` is the one whose text was installed.
    """

    order: str | None
    run: str
    state: RunState
    at: str
    phase: str = ""
    verdict: str = ""
    score: float | None = None
    faults: tuple[FaultResult, ...] = ()
    message: str = ""
    experiment: str = ""
    object: str = ""
    commit: str = ""


class Run(msgspec.Struct, frozen=True):
    """A run as the portal shows it. `cause` says what started it: `change`, `push`, `person` or `schedule`.

    `commit` is the commit whose experiment ran, `report_to` the commits that its result is written to, `reported_at`
    the time that the newest report bears, `begun_at` when its chaos began, as far as that was told. `pass_score` is the
    experiment's annotation of that name, as it was then.

    `triggered_at` (RFC 3339 UTC) is when what caused it came: a push, by its delivery, or else when it was decided on;
    a change, when it was seen; a person's word. It is empty for a schedule's run, and in older records.
    """

    id: str
    project: str
    experiment: str
    cluster: str
    state: RunState
    created_at: str
    updated_at: str
    verdict: str = ""
    score: float | None = None
    faults: tuple[FaultResult, ...] = ()
    cause: str = "change"
    order: str | None = None
    commit: str | None = None
    change: str | None = None
    workload: str | None = None
    namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    report_to: tuple[str, ...] = ()
    message: str = ""
    phase: str = ""
    reported_at: str = ""
    pass_score: str | None = None
    begun_at: str = ""
    triggered_at: str = ""


class Active(msgspec.Struct, frozen=True):
    """A run that is not over, kept in a small list per cluster for the rules that count them."""

    run: str
    project: str
    experiment: str
    state: RunState
    workload: str | None = None
    namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    begun_at: str = ""


class Ended(msgspec.Struct, frozen=True):
    """A run that did chaos, from `begun_at` to `ended_at` (RFC 3339 UTC), for those who judge late what was then."""

    run: str
    project: str
    experiment: str
    begun_at: str
    ended_at: str
    workload: str | None = None
    service_accounts: tuple[str, ...] = ()


class Concluded(msgspec.Struct, frozen=True):
    """A run that did chaos, as its experiment's history keeps it; fields as in `Run`.

    `ended_at` is when its end was told here (RFC 3339 UTC): by the same clock as `triggered_at`, and after the report
    has come, however long its cluster was silent.
    """

    run: str
    cluster: str
    state: RunState
    ended_at: str
    cause: str
    commit: str | None = None
    verdict: str = ""
    score: float | None = None
    triggered_at: str = ""


class Recent(msgspec.Struct, frozen=True):
    """What safety remembers of a project's triggers: times of the newest ones (RFC 3339 UTC), and the hold.

    `dropped_at` is when a person last dropped what a storm held: no trigger up to then makes an order any more.
    `pushes` are the newest commits whose push was counted, each with all that it starts.
    """

    triggers: tuple[str, ...] = ()
    held: bool = False
    dropped_at: str = ""
    pushes: tuple[str, ...] = ()
