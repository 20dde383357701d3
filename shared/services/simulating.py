"""Tries a policy on changes that happened: what it would have started, and why not the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.model.changes import Change, Sighting, Workload
from shared.model.policies import Opinion, Policy
from shared.ports.state import Store
from shared.rules.digests import side
from shared.rules.policies import decide
from shared.rules.tracking import observe
from shared.services.portal_records import listed
from shared.services.tables import MEMBERS, Versioned


class Trial(msgspec.Struct, frozen=True):
    """What one policy says of one change; `event` is the ledger's row of it.

    `unknown`: that it does not fire hangs on values that were sealed in their cluster, since no policy asked for them.
    """

    event: str
    at: str
    subject: str
    fires: bool
    reason: str
    experiments: tuple[str, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Simulating:
    """Tries policies of one project. Safety (cooldown, windows, freeze, storms) is not asked."""

    store: Store

    def tried(self, project: str, policy: Policy, changes: Iterable[Versioned[Change]]) -> list[Trial]:
        """Return a trial for each change, in their order."""
        labels = {row.value.id: row.value.labels for row in listed(self.store, MEMBERS, project)}
        return [tried(policy, one.value, one.key.sort, labels.get(one.value.workload.cluster, {})) for one in changes]


def tried(policy: Policy, change: Change, event: str, labels: Mapping[str, str]) -> Trial:
    """Return what the policy alone says of a change; `labels` are those of the cluster of origin."""
    decision = decide(change, [policy], default_policy=False, labels=labels)
    return Trial(
        event=event,
        at=change.at,
        subject=change.workload.subject,
        fires=bool(decision.experiments),
        reason=decision.reason,
        experiments=decision.experiments,
        opinions=decision.opinions,
        unknown=any(one.unknown for one in decision.opinions),
    )


def change_between(old: Mapping[str, Any] | None, new: Mapping[str, Any], at: str, actor: str = "") -> Change | None:
    """Return the change from one object to another, as a review of it would tell; None where nothing that counts moved.

    An `old` that is None is a creation.
    """
    metadata: Mapping[str, Any] = new.get("metadata") or {}
    place = str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")
    before, after = (side(obj, b"") if obj is not None else None for obj in (old, new))
    sighting = Sighting(
        id="trial",
        source="admission",
        operation="UPDATE" if old is not None else "CREATE",
        workload=Workload("", str(new.get("kind") or ""), *place),
        actor=actor,
        at=at,
        old=before,
        new=after,
    )
    return observe(None, sighting).change


def fired(trials: Sequence[Trial]) -> int:
    """Return how many changes would have started something."""
    return sum(trial.fires for trial in trials)
