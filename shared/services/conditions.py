"""Asks monitors how stop conditions stand; one that cannot be asked is told as such, and never taken for fine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from shared.errors import LitmusGitopsError
from shared.model.monitoring import Heard, Reading
from shared.model.projects import Safety, StopCondition
from shared.ports.ambient import Clock, Secrets
from shared.ports.peers import Monitors
from shared.rules.stop_conditions import applies
from shared.rules.urls import check_monitor
from shared.wire.prometheus import heard, question

_FRESH: Final = timedelta(seconds=1)
"""How long an answer counts, so that a hundred runs that are watched at once ask once."""

_KNOWN: Final = 1_000


class _Known:
    """The last reading of one condition; its lock has those who ask meanwhile wait for one answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at: datetime | None = None
        self.reading: Reading | None = None


class Conditions:
    """Reads the stop conditions of a project as they are now."""

    def __init__(self, secrets: Secrets, monitors: Monitors, clock: Clock, *, allow_local: bool) -> None:
        self._secrets = secrets
        self._monitors = monitors
        self._clock = clock
        self._allow_local = allow_local
        self._known: dict[StopCondition, _Known] = {}

    def readings(self, safety: Safety, cluster: str) -> tuple[Reading, ...]:
        """Return what is heard of each condition that is about the cluster."""
        return self.ask([one for one in safety.stop_conditions if applies(one, cluster)])

    def ask(self, conditions: Sequence[StopCondition]) -> tuple[Reading, ...]:
        """Return what is heard of each of these, all asked at once."""
        if len(conditions) < 2:  # noqa: PLR2004 - one needs no thread beside this one
            return tuple(map(self._read, conditions))
        with ThreadPoolExecutor(len(conditions)) as pool:
            return tuple(pool.map(self._read, conditions))

    def _read(self, condition: StopCondition) -> Reading:
        known = self._of(condition)
        with known.lock:
            if known.reading is None or known.at is None or self._clock() - known.at >= _FRESH:
                known.reading = Reading(condition, self._hear(condition))
                known.at = self._clock()
            return known.reading

    def _of(self, condition: StopCondition) -> _Known:
        if len(self._known) > _KNOWN:
            self._known.clear()
        return self._known.setdefault(condition, _Known())

    def _hear(self, condition: StopCondition) -> Heard:
        try:
            check_monitor(condition.url, allow_local=self._allow_local)
            login, ca = self._value(condition.credential), self._value(condition.ca_bundle)
            return heard(condition, self._monitors(question(condition), login, ca))
        except LitmusGitopsError as error:
            return Heard(problem=str(error))

    def _value(self, reference: str | None) -> str | None:
        return None if reference is None else self._secrets(reference)
