"""Which of several changes of one workload is tried: the newest that is proved to be there, and no older one."""

from __future__ import annotations

from typing import Final

from shared.model.orders import Dispatched
from shared.model.runs import Run
from shared.rules.facts import Refusal
from shared.rules.guards import NEVER, REVERTED
from shared.rules.runs import UNSTARTED

NEWER: Final = "newer change"
"""The rule by which an order waits for a newer one."""


def succeeded(newer: Dispatched, run: Run) -> bool | None:
    """Whether a newer order has taken the place of those before it; None while its change is not proved.

    A change that was denied, or undone, before its guard held takes no place, and neither does an order that ended
    before its cluster looked. One whose change was there does, even if its rollout then failed.
    """
    if newer.state == "superseded":
        return True
    if run.state in UNSTARTED:
        return None
    unproved = run.state == "expired" or (run.state == "skipped" and run.message.startswith((NEVER, REVERTED)))
    return newer.state != "refused" and not unproved


def gives_way(newer: Dispatched, run: Run) -> Refusal | None:
    """Return what an order that has not started owes to a newer one of the same workload and experiment."""
    place = succeeded(newer, run)
    if place is None:
        return Refusal(NEWER, f"change {newer.change} takes its place once it is proved", wait=True)
    return Refusal("superseded", f"change {newer.change} came before it started") if place else None
