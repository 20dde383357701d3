"""Changes as they were decided on, kept for a week so that a policy can be tried on what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from shared.model.changes import Change
from shared.ports.state import Store
from shared.services.tables import CHANGES, Versioned

KEPT: Final = timedelta(days=7)
_PAGE: Final = 100


def newest_first(store: Store, project: str, after: str | None, since: datetime | None) -> Iterator[Versioned[Change]]:
    """Yield a project's changes from beyond the event id `after`, none that is older than `since`."""
    while rows := store.query(CHANGES.partition(project), after=after, limit=_PAGE, newest_first=True):
        for row in map(CHANGES.read, rows):
            if since and datetime.fromisoformat(row.value.at) < since:
                return
            yield row
        after = rows[-1].key.sort


def trim(store: Store, project: str, now: datetime) -> None:
    """Forget changes that are older than `KEPT`, at most a page of them: the others follow at later calls.

    A page costs what it holds, so it is only read where the oldest change is due.
    """
    if _due(store, project, now, 1):
        store.commit([CHANGES.delete(project, event) for event in _due(store, project, now, _PAGE)])


def _due(store: Store, project: str, now: datetime, limit: int) -> list[str]:
    rows = [CHANGES.read(row) for row in store.query(CHANGES.partition(project), limit=limit)]
    return [row.key.sort for row in rows if now - datetime.fromisoformat(row.value.at) > KEPT]
