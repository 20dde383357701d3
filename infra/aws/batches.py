"""Batches of SQS: each record is the id of a message, which is claimed, handed to the function, and settled."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.delivering import Outcome, settle
from shared.errors import LitmusGitopsError, NotYet
from shared.model.messages import Claimed, Message
from shared.ports.state import Queue

_log = logging.getLogger("litmus_gitops.batches")

SLACK: Final = 5.0
"""Seconds that a lease outlasts the time that Lambda leaves us: whoever is cut off has let go soon after."""
ENOUGH: Final = 30.0
"""Seconds that must be left to begin with another record than the first."""
LATER: Final = 30.0
"""Seconds until a record comes again that could not be looked at."""
LONGEST: Final = 42_300
"""Seconds for which a record is hidden: SQS allows twelve hours from its receipt, of which we may run a quarter."""

Record = Mapping[str, Any]
Pause = Callable[[Record, int], None]


@dataclass(frozen=True, slots=True)
class Batches:
    """Takes records off one function's queue. `pause` hides a record for so many seconds.

    A record that came twice, or whose message is done, dead or unknown, does nothing. A failed message goes back to the
    queue, which wakes us anew for it; only what could not be claimed comes again as the record that it is.
    """

    queue: Queue
    deliver: Callable[[Message], Outcome]
    pause: Pause

    def take(self, records: Sequence[Record], left: Callable[[], float]) -> dict[str, Any]:
        """Take all records, with `left()` seconds to do so; return those that must come again (a partial batch)."""
        again = []
        for place, record in enumerate(records):
            seconds = 0.0 if place and left() < ENOUGH else self._take(record["body"], left)
            if seconds is not None:
                self.pause(record, min(math.ceil(seconds), LONGEST))
                again.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": again}

    def _take(self, message_id: str, left: Callable[[], float]) -> float | None:
        """Claim a message and have it done; return None, or in how many seconds it has to come again."""
        try:
            claimed = self.queue.claim(message_id, left() + SLACK)
            if claimed is not None:
                self._settle(claimed, self.deliver(claimed.message))
        except NotYet as error:
            return error.seconds
        except LitmusGitopsError as error:
            _log.warning("message %s comes again: %s", message_id, error)
            return LATER
        return None

    def _settle(self, claimed: Claimed, outcome: Outcome) -> None:
        if outcome.kind == "failed":
            _log.warning("message %s failed: %s", claimed.message.id, outcome.reason)
        settle(self.queue, claimed, outcome)
