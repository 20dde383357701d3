"""Proof without a subscriber: what the cluster's own signals showed of the changed workload since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.model.changes import Tracked, subject_of
from shared.model.orders import Dispatched, Guard
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.facts import Refusal
from shared.rules.guards import Doubt, Proved, prove_content, refusal
from shared.services.tables import TRACKED


@dataclass(frozen=True, slots=True)
class Confirming:
    """Compares an order's guard with the tracked fact: an audit event's object, or the old side of a later review.

    A candidate proves nothing, since admission precedes persistence.
    """

    store: Store
    clock: Clock

    def doubt(self, order: Dispatched) -> Refusal | None:
        """Return why the order must not act, with `wait` while the change may still be confirmed; None if it was."""
        guard = order.guard
        proof = prove_content(self._seen(order.cluster, guard), guard) if guard else Proved()
        if isinstance(proof, Proved):
            return None
        why = refusal(proof, Doubt((self.clock() - datetime.fromisoformat(order.created_at)).total_seconds()))
        if why is None:
            return Refusal("proof", "no audit event has confirmed the change yet", wait=True)
        return Refusal("proof", f"{why}, as far as the cluster's audit events tell")

    def _seen(self, cluster: str, guard: Guard) -> dict[str, object] | None:
        subject = subject_of(guard.workload.kind, guard.workload.namespace, guard.workload.name)
        found = TRACKED.load(self.store, cluster, subject)
        return _fact(found.value) if found else None


def _fact(tracked: Tracked) -> dict[str, object] | None:
    return tracked.fact.content if tracked.fact and not tracked.deleted_at else None
