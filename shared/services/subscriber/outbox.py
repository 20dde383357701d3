"""Sends what records have to tell, until it is acknowledged."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.errors import BadInput, Conflict, Gone, LitmusGitopsError, NotFound
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.records import Record, Records

_log = logging.getLogger("litmus_gitops.subscriber")
_LONGEST: Final = 60.0
_REFUSED: Final = (BadInput, Conflict, Gone)
"""What the portal says of a report that it will never take."""

_DAY: Final = 86_400.0
_WEEK: Final = 7 * _DAY


@dataclass(slots=True)
class Outbox:
    """Delivers reports in their order; a portal that is away is tried again with growing pauses.

    One failure holds all records back for the first pause, so that a portal that hangs keeps no thread busy. A portal
    that is there, but does not know the order, is asked once a minute: it may be restoring what it knew. It is given
    up a day after the order's time was over, or a week after the run was.
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
        kept, unknown = self._send(record)
        if len(kept.progress.reports) < len(record.progress.reports):
            kept = self.records.save(kept)
        if not kept.progress.reports:
            self._failures.pop(record.id, None)
            return kept, None
        if unknown:
            return kept, self._hold(record.id, failures + 1, _LONGEST)
        pause = self._hold(record.id, failures + 1, self._grown(failures))
        self._away_until = time.monotonic() + min(pause, self.first_pause)
        return kept, pause

    def forget(self, order_id: str) -> None:
        """Drop what is remembered of an order that is over."""
        self._failures.pop(order_id, None)

    def _send(self, record: Record) -> tuple[Record, bool]:
        """Send until one is not acknowledged; returns what is left, and whether the portal does not know the order."""
        for report in record.progress.reports:
            try:
                self.letters.report(report, record.order.traceparent)
            except _REFUSED as error:
                _log.warning("a report was refused", extra={"order": record.id, "reason": str(error)})
            except LitmusGitopsError as error:
                unknown = isinstance(error, NotFound)
                if not unknown or not self._is_forgotten(record):
                    _log.info("a report waits", extra={"order": record.id, "reason": str(error)})
                    return record, unknown
                _log.warning("a report is given up", extra={"order": record.id, "reason": str(error)})
            record = record.moved(reports=record.progress.reports[1:])
        return record, False

    def _is_forgotten(self, record: Record) -> bool:
        ended = record.progress.ended_at
        return self._age(record.order.not_after) > _DAY or bool(ended and self._age(ended) > _WEEK)

    def _age(self, since: str) -> float:
        return (self.letters.clock() - datetime.fromisoformat(since)).total_seconds()

    def _grown(self, failures: int) -> float:
        grown: float = self.first_pause * 2 ** min(failures, 10)
        return min(grown, _LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter

    def _hold(self, order_id: str, failures: int, pause: float) -> float:
        self._failures[order_id] = (failures, time.monotonic() + pause)
        return pause
