"""Says which commits' statuses a run, or a trigger that made none, bears on; the caller commits it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from shared.model.messages import Message
from shared.model.records import Key, Write
from shared.model.runs import Run
from shared.model.statuses import Commit, Concern
from shared.ports.ambient import Ids
from shared.ports.state import Store
from shared.services.ledger import message
from shared.services.tables import COMMITS, CONCERNS

MOST: Final = 10
"""Commits that one run is told to: each adds a write to the transaction that makes it."""

_PATHS: Final = 100
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def commits_of(named: Iterable[str | None]) -> tuple[str, ...]:
    """Return what is a whole commit id, without repeats, at most `MOST`."""
    return _commits_of(tuple(named))


@lru_cache(256)
def _commits_of(named: tuple[str | None, ...]) -> tuple[str, ...]:
    """Return the same for each of the many runs of one start."""
    return tuple(dict.fromkeys(name for name in named if name and _COMMIT.fullmatch(name)))[:MOST]


def bearing(
    store: Store, ids: Ids, project: str, named: Iterable[str | None], concern: Concern
) -> tuple[tuple[Write, ...], tuple[Message, ...]]:
    """Return the writes that make a concern count for commits, and the messages that have them told.

    What came later stays: a late writer changes nothing.
    """
    commits = commits_of(named)
    there = store.get_many(places(project, commits, concern)) if commits else {}
    later = {key for key, record in there.items() if CONCERNS.read(record).value.at > concern.at}
    puts = (CONCERNS.put(concern, project, commit, concern.key) for commit in commits)
    return tuple(put for put in puts if put.key not in later), told(ids, project, commits)


def places(project: str, named: Iterable[str | None], concern: Concern) -> list[Key]:
    """Return where it is kept that a concern counts for commits."""
    return [CONCERNS.key(project, commit, concern.key) for commit in commits_of(named)]


def concern_of(run: Run, at: str) -> Concern:
    """Return how a run counts that was triggered `at` this time (RFC 3339 UTC)."""
    return Concern(run.experiment, at, run.cluster, run.workload or "", run.id)


def reached(
    store: Store, ids: Ids, project: str, head: str, wrong: tuple[str, ...]
) -> tuple[tuple[Write, ...], tuple[Message, ...]]:
    """Return what makes a head count that a sync has reached, with its invalid files; nothing if it does already."""
    was = COMMITS.load_or(store, Commit(), project, head)
    now = msgspec.structs.replace(was.value, synced=True, invalid=wrong[:_PATHS])
    if now == was.value:
        return (), ()
    return (COMMITS.replace(was, now),), told(ids, project, [head])


def told(ids: Ids, project: str, named: Iterable[str | None]) -> tuple[Message, ...]:
    """Return the messages that have the statuses of commits computed anew and posted."""
    return tuple(message(ids, "sync", "status", project=project, commit=commit) for commit in commits_of(named))
