"""The queue: how much waits, and dead letters, which were given up after their last attempt, to be sent again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.model.calls import Answer, Call
from shared.ports.state import Queue, Store
from shared.services.api.operations import Operation
from shared.services.api.paging import QUERY, after_of, limit_of, page
from shared.services.tables import TICKED


@dataclass(frozen=True, slots=True)
class Letters:
    """What the queue could not deliver, and what it has yet to; `store` knows when `reconcile` last ran."""

    queue: Queue
    store: Store

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        redrive = "/dead-letters/{letter}/redrive"
        return [
            Operation("GET", "/queue", "Say how much waits, and for how long", self.depth),
            Operation("GET", "/dead-letters", "List what could not be delivered", self.browse, query=QUERY),
            Operation("POST", redrive, "Deliver it again, with fresh attempts", self.redrive, status=202),
        ]

    def depth(self, _: Call) -> Answer:
        """Count messages by where they stand, with the age of the oldest in seconds and when `reconcile` last ran."""
        ticked = TICKED.load(self.store, "reconcile")
        told = {"oldest_age": round(self.queue.oldest_age(), 1), "reconciled_at": ticked and ticked.value}
        return Answer(200, msgspec.to_builtins(self.queue.depth()) | told)

    def browse(self, call: Call) -> Answer:
        """List dead letters with the reason of their last attempt."""
        limit = limit_of(call)
        letters = self.queue.dead(after_of(call), limit + 1)
        return page(letters, limit, lambda letter: letter.message.id, msgspec.to_builtins)

    def redrive(self, call: Call) -> Answer:
        """Send one again: 404 if there is none of this id."""
        self.queue.redrive(call.params["letter"])
        return Answer(202, {"id": call.params["letter"]})
