"""One order that a ChaosCenter carries out, and what we say of it: to its run, and to whoever looks at the order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError, Stale
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.model.runs import Report
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.center_calls import CenterCalls
from shared.services.ledger import stamp
from shared.services.ordering import OPEN, Ordering
from shared.services.reporting import Reports
from shared.services.tables import ORDERS, Versioned

WORDS: Final = 2000
"""Characters of a reason or message that are kept."""


class Case(msgspec.Struct, frozen=True):
    """One order, its cluster, and the ChaosCenter that carries it out."""

    cluster: Cluster
    order: Versioned[Dispatched]
    calls: CenterCalls

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order.value.id


@dataclass(frozen=True, slots=True)
class CenterDesk:
    """Writes what becomes of orders."""

    store: Store
    clock: Clock
    ids: Ids

    def say(self, case: Case, report: Report) -> None:
        """Report as a subscriber would, at this time."""
        Reports(self.store, self.clock, self.ids).take(
            case.cluster, msgspec.structs.replace(report, at=stamp(self.clock))
        )

    def note(self, case: Case, error: LitmusGitopsError) -> int:
        """Show on the order what is in its way, and return how often something was."""
        was = ORDERS.load(self.store, case.cluster.id, case.id) or case.order
        now = msgspec.structs.replace(was.value, attempts=was.value.attempts + 1, reason=str(error)[:WORDS])
        if was.value.state in OPEN:
            with suppress(Stale):
                self.store.commit(Ordering(self.store, self.clock, self.ids).moved(was, now).writes)
        return now.attempts
