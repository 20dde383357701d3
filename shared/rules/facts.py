"""What safety judges, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from shared.model.monitoring import Reading
from shared.model.projects import Freeze, Safety, Window
from shared.model.runs import Active, Recent


class Facts(msgspec.Struct, frozen=True):
    """One experiment that is to start on one cluster, and all that its safety depends on.

    `subject` is `<Kind>/<namespace>/<name>` of the changed workload, None where a person starts the run. `last` is the
    time (RFC 3339 UTC) of the last trigger of this workload and experiment, `triggered_at` that of the trigger at hand
    (dispatch only: it is no cooldown for itself). `cooldown` and `windows` are the policy's own. `active` are the
    cluster's runs that are not over: at the decision all of them, at dispatch the others that were let go.
    `namespaces` and `faults` are what the experiment's faults name, None a namespace that only rendering knows.
    `readings` are what monitors said of the project's stop conditions, asked last and at dispatch only.
    `undoes` is the run whose chaos the change takes back.
    `approved` says that a person let it go where that is needed, or that it is none to be let go.
    """

    now: datetime
    safety: Safety
    cluster: str
    experiment: str
    project_freeze: Freeze | None = None
    cluster_freeze: Freeze | None = None
    subject: str | None = None
    actor: str = ""
    rollback: bool = False
    zero: bool = False
    undoes: str = ""
    last: str | None = None
    triggered_at: str | None = None
    cooldown: str | None = None
    windows: tuple[Window, ...] = ()
    recent: Recent = Recent()
    active: tuple[Active, ...] = ()
    namespaces: tuple[str | None, ...] = ()
    faults: tuple[str, ...] = ()
    not_after: str | None = None
    readings: tuple[Reading, ...] = ()
    approved: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """Why not: the rule's name and a sentence. `wait` means not now; `until` is RFC 3339 UTC where it is known."""

    rule: str
    reason: str
    wait: bool = False
    until: str | None = None


Rule = Callable[[Facts], Refusal | None]
