"""The ledger's rows of syncs: what changed and what is wrong with which file, or why the portal lags behind git."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from shared.model.experiments import Experiment, SyncState
from shared.model.records import Put
from shared.ports.state import Store
from shared.rules.sync import Plan
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger
from shared.services.portal_records import Holding
from shared.services.tables import SYNCS

_COUNTED: Final = ("added", "changed", "moved", "removed", "offered")
_NAMED: Final = 50
"""Files that one row names of each sort; it counts all."""


def synced_row(  # noqa: PLR0913, PLR0917 - what a sync found
    ledger: Ledger, project: str, head: str, plan: Plan | None, holding: Holding | None, moved: str | None = None
) -> Put:
    """Return the row of a sync that came to its end; where the repository has moved, it says what to do about it."""
    detail = _detail(plan, holding) if plan and holding else {}
    counts = [f"{len(detail[sort])} {sort}" for sort in _COUNTED if detail.get(sort)]
    counts += ["policies changed"] if plan and plan.policies is not None else []
    wrong = f"; {plan.invalid} invalid" if plan and plan.invalid else ""
    changed = f"{', '.join(counts) or 'nothing changed'}{wrong}"
    renamed = f"; the repository is at {moved} by now: set that as repo_url" if moved else ""
    _, row = ledger.row(
        project,
        "sync",
        verdict="synced" if plan and not plan.empty else "unchanged",
        reason=f"{changed} at commit {head[:12]}{renamed}",
        subject=head,
        detail={sort: files[:_NAMED] for sort, files in detail.items()},
        links=[("commit", head)],
    )
    return row


def degrade(store: Store, ledger: Ledger, project: str, problem: str) -> None:
    """Show why a project cannot be synced now; the same reason is written once."""

    def write() -> None:
        state = SYNCS.load_or(store, SyncState(), project)
        if state.value.problem == problem:
            return
        _, row = ledger.row(project, "sync", verdict="degraded", reason=problem, subject=project)
        store.commit([SYNCS.replace(state, msgspec.structs.replace(state.value, problem=problem)), row])

    until_fresh(write)


def _detail(plan: Plan, holding: Holding) -> dict[str, list[Any]]:
    new = [one for one in plan.upserts if one.id not in holding.experiments]
    old = [one for one in plan.upserts if one.id in holding.experiments]
    moved = [one for one in old if one.path != holding.experiments[one.id].value.path]
    policies = [policy.name for policy in plan.policies or ()]
    return {
        "added": _paths(new),
        "changed": _paths(one for one in old if one not in moved),
        "moved": _paths(moved),
        "removed": _paths(plan.deletions),
        "offered": _paths(plan.offers) + [policy.path for policy in plan.offered_policies if policy.path],
        "policies": policies,
        "invalid": [
            {"path": one.path, **msgspec.to_builtins(one.problem)} for one in plan.upserts if one.problem is not None
        ],
    }


def _paths(experiments: Iterable[Experiment]) -> list[str]:
    return sorted(experiment.path for experiment in experiments)
