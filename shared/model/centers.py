"""What a ChaosCenter says of its infrastructure and its runs, and what we asked it to do."""

from __future__ import annotations

from typing import Any

import msgspec


class Errand(msgspec.Struct, frozen=True):
    """A run that we asked a ChaosCenter for, written before we ask: `experiment` is its id there.

    `at` is when we last asked (RFC 3339 UTC). `begun` says that the run is known to be there; until then an answer may
    have been lost. `notify` is the id that asking returned, empty where its answer was lost. After `deadline`
    seconds its Workflow ends by itself.
    """

    experiment: str
    at: str
    deadline: float
    begun: bool = False
    notify: str = ""


class Infrastructure(msgspec.Struct, frozen=True):
    """A chaos infrastructure as its ChaosCenter sees it: whether its agent is connected, and its namespace."""

    active: bool
    namespace: str = ""


class CenterEngine(msgspec.Struct, frozen=True):
    """A ChaosEngine of a run: its fault, the verdict shown for it, and its ChaosResult's `status`, if any."""

    uid: str
    name: str
    namespace: str
    fault: str
    verdict: str
    status: str
    weight: int = 10
    result: dict[str, Any] = {}


class CenterRun(msgspec.Struct, frozen=True):
    """An experiment run: `id` is empty until its agent has reported it, `notify` where a list shows it.

    `labels` are those of the manifest that runs, from the revision which the run belongs to.
    """

    id: str
    notify: str
    phase: str
    labels: dict[str, str] = {}
    message: str = ""
    engines: tuple[CenterEngine, ...] = ()
