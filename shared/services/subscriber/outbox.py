"""Sends what records have to tell, until it is acknowledged."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import Final

from shared.errors import BadInput, Conflict, Gone, LitmusGitopsError
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.records import Record, Records

_log = logging.getLogger("litmus_gitops.subscriber")
_LONGEST: Final = 60.0
_REFUSED: Final = (BadInput, Conflict, Gone)
"""What the portal says of a report that it will never take."""


@dataclass(slots=True)
class Outbox:
    """Delivers reports in their order; a portal that is away is tried again with growing pauses.

    One failure holds all records back for the first pause, so that a portal that hangs keeps no thread busy.
    """

    records: Records
    letters: Letters
    first_pause: float = 1.0
    _failures: dict[str, tuple[int, float]] = field(default_factory=dict)
    _away_until: float = 0.0

    def deliver(self, record: Record) -> tuple[Record, float | None]:
        """Return the record without what was acknowledged, and the seconds until the rest is due (None: no rest)."""
        if not record.progress.reports:
            return record, None
        failures, due = self._failures.get(record.id, (0, 0.0))
        if (left := max(due, self._away_until) - time.monotonic()) > 0:
            return record, left
        kept = self._send(record)
        if len(kept.progress.reports) < len(record.progress.reports):
            kept = self.records.save(kept)
        if not kept.progress.reports:
            self._failures.pop(record.id, None)
            return kept, None
        return kept, self._pause(record.id, failures + 1)

    def forget(self, order_id: str) -> None:
        """Drop what is remembered of an order that is over."""
        self._failures.pop(order_id, None)

    def _send(self, record: Record) -> Record:
        """Send until one is not acknowledged."""
        for report in record.progress.reports:
            try:
                self.letters.report(report)
            except _REFUSED as error:
                _log.warning("a report was refused", extra={"order": record.id, "reason": str(error)})
            except LitmusGitopsError as error:
                _log.info("a report waits", extra={"order": record.id, "reason": str(error)})
                return record
            record = record.moved(reports=record.progress.reports[1:])
        return record

    def _pause(self, order_id: str, failures: int) -> float:
        grown: float = self.first_pause * 2 ** min(failures - 1, 10)
        pause = min(grown, _LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        self._failures[order_id] = (failures, time.monotonic() + pause)
        self._away_until = time.monotonic() + min(pause, self.first_pause)
        return pause
