"""Takes a person's word on an order that waits for it: it goes, as far as the other rules let it, or ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict, NotFound
from shared.model.orders import Approval, Dispatched
from shared.model.runs import Run
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.concurrency import APPROVAL, unapproved
from shared.rules.facts import Refusal
from shared.services.attempts import until_fresh
from shared.services.ledger import stamp
from shared.services.ordering import Ordering, Work
from shared.services.tables import ORDERS, PROJECTS, RUNS, Versioned

_UNSENT: Final = frozenset({"held", "waiting"})


@dataclass(frozen=True, slots=True)
class Approving:
    """Approves and denies. Raises `NotFound`, and `Conflict` where the run waits for no approval."""

    store: Store
    clock: Clock
    ids: Ids

    def approve(self, project: str, run: str, by: str, reason: str) -> Run:
        """Let the run's order go once the other rules do, and return the run; doing it again changes nothing."""
        until_fresh(lambda: self._approve(self._waiting(project, run), Approval(by, reason, stamp(self.clock))))
        return self._run(project, run)

    def deny(self, project: str, run: str, by: str, reason: str) -> Run:
        """End the run's order, and the run as `skipped`; an approval that did not let it go yet is taken back."""
        refusal = Refusal(APPROVAL, f"{by} denied it{because(reason)}")
        until_fresh(lambda: self._commit(self._ordering.ended(self._waiting(project, run), "refused", refusal)))
        return self._run(project, run)

    def _approve(self, was: Versioned[Dispatched], approval: Approval) -> None:
        if was.value.approval is not None:
            return
        now = msgspec.structs.replace(was.value, approval=approval, rule=APPROVAL)
        row = self._ordering.row(now, "approved", f"{approval.by} approved it{because(approval.reason)}")
        self._commit(self._ordering.moved(was, now) + Work((row,), (self._ordering.due(now),)))

    def _waiting(self, project: str, name: str) -> Versioned[Dispatched]:
        run = self._run(project, name)
        order = ORDERS.load(self.store, run.cluster, run.order) if run.order else None
        if order is None or order.value.state not in _UNSENT or not self._needed(order.value):
            raise Conflict(f"run {name} is {run.state} and waits for nobody's approval")
        return order

    def _needed(self, order: Dispatched) -> bool:
        project = PROJECTS.load(self.store, order.project)
        patterns = project.value.safety.approval_namespaces if project else ()
        return unapproved(order.bounds.namespaces, patterns) is not None

    def _run(self, project: str, name: str) -> Run:
        found = RUNS.load(self.store, project, name)
        if found is None:
            raise NotFound(f"no run {name!r} in project {project!r}")
        return found.value

    def _commit(self, work: Work) -> None:
        self.store.commit(work.writes, work.messages)

    @property
    def _ordering(self) -> Ordering:
        return Ordering(self.store, self.clock, self.ids)


def because(reason: str) -> str:
    """Return a person's reason as it ends a sentence."""
    return f": {reason}" if reason else ""
