"""Dead letters: messages that were given up after their last attempt, to be looked at and sent again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.model.calls import Answer, Call
from shared.ports.state import Queue
from shared.services.api.operations import Operation
from shared.services.api.paging import QUERY, after_of, limit_of, page


@dataclass(frozen=True, slots=True)
class Letters:
    """What the queue could not deliver."""

    queue: Queue

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        redrive = "/dead-letters/{letter}/redrive"
        return [
            Operation("GET", "/dead-letters", "List what could not be delivered", self.browse, query=QUERY),
            Operation("POST", redrive, "Deliver it again, with fresh attempts", self.redrive, status=202),
        ]

    def browse(self, call: Call) -> Answer:
        """List dead letters with the reason of their last attempt."""
        limit = limit_of(call)
        letters = self.queue.dead(after_of(call), limit + 1)
        return page(letters, limit, lambda letter: letter.message.id, msgspec.to_builtins)

    def redrive(self, call: Call) -> Answer:
        """Send one again: 404 if there is none of this id."""
        self.queue.redrive(call.params["letter"])
        return Answer(202, {"id": call.params["letter"]})
