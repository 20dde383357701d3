"""Forgets the texts of manifests that nothing refers to any longer, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice, takewhile
from typing import Final

from shared.errors import Stale
from shared.model.experiments import Edit
from shared.model.messages import Message
from shared.model.texts import Unused
from shared.model.times import written
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.edits import blob_id
from shared.rules.leftovers import LOOK, Leftovers, leftovers
from shared.rules.spreading import jittered
from shared.services.batches import batches
from shared.services.ledger import reminder, stamp
from shared.services.portal_records import Holding, listed
from shared.services.tables import (
    BLOBS,
    MEMBERS,
    OPEN_ORDERS,
    SCHEDULES,
    TEXTS_LOOK,
    UNUSED,
    Versioned,
)

_AT_A_TIME: Final = 1_000
"""Texts of one message; each reads anew what refers to texts."""

_PAGE: Final = 50
"""Texts that are held in memory at a time: with their 256 KiB at most these are 17 MB as they are stored."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Looks through a project's texts about once a week; doing it again, or at the same time, does no harm."""

    store: Store
    clock: Clock

    def have_looked(self, project: str) -> None:
        """Begin a look where its time has come; the first has its time as well, lest all projects begin at once."""
        was = TEXTS_LOOK.load_or(self.store, "", project)
        if was.value and datetime.fromisoformat(was.value) > self.clock():
            return
        at = written(jittered(project, self.clock(), LOOK))
        asked = [reminder("reconcile", "texts", project=project)] if was.value else []
        self.store.commit([TEXTS_LOOK.put(at, project)], asked)

    def look(self, message: Message) -> None:
        """Look through some texts, and send for the others (message `reconcile/texts`).

        What refers to texts is read after they were listed, and each is removed as the version that was listed then.
        """
        project, after = message.ids["project"], message.ids.get("after")
        some = islice(listed(self.store, BLOBS, project, after=after, page=_PAGE), _AT_A_TIME)
        texts = {row.key.sort: row.version for row in some}
        last = max(texts) if len(texts) == _AT_A_TIME else None
        marks = {row.key.sort: row for row in self._marks(project, after, last)}
        known = {blob: row.value for blob, row in marks.items()}
        found = leftovers(texts, known, frozenset(self._used(project)), self.clock(), stamp(self.clock))
        self._remember(project, found)
        self._forget(project, found, marks)
        if last:
            self.store.commit([], [reminder("reconcile", "texts", project=project, after=last)])

    def _marks(self, project: str, after: str | None, last: str | None) -> Iterator[Versioned[Unused]]:
        marks = listed(self.store, UNUSED, project, after=after)
        return takewhile(lambda row: last is None or row.key.sort <= last, marks)

    def _used(self, project: str) -> Iterator[str]:
        """Yield the blobs that the portal shows, merges with, or has installed."""
        portal = Holding.read(self.store, project).portal
        yield from (experiment.blob for experiment in portal.experiments)
        yield from (policy.blob for policy in portal.policies if policy.blob)
        yield from chain.from_iterable(map(_sides, portal.edits))
        for row in listed(self.store, SCHEDULES, project):
            yield from (placed.wanted.blob for placed in row.value.clusters.values())

    def _ordered(self, project: str) -> Iterator[str]:
        """Yield the blobs of the manifests in open orders."""
        for cluster in listed(self.store, MEMBERS, project):
            orders = listed(self.store, OPEN_ORDERS, cluster.value.id)
            yield from (order.value.blob for order in orders if order.value.blob)

    def _remember(self, project: str, found: Leftovers) -> None:
        marked = (UNUSED.put(mark, project, blob) for blob, mark in found.unused.items())
        for batch in batches(chain(marked, (UNUSED.delete(project, blob) for blob in found.used))):
            self.store.commit(batch)

    def _forget(self, project: str, found: Leftovers, marks: Mapping[str, Versioned[Unused]]) -> None:
        """Remove what no open order holds either; what was written meanwhile, or removed by another look, is left."""
        ordered = frozenset(self._ordered(project)) if found.over else frozenset()
        for blob in found.over:
            if blob not in ordered:
                mark = marks[blob]
                gone = BLOBS.delete(project, blob, expected=mark.value.version)
                with suppress(Stale):
                    self.store.commit([gone, UNUSED.delete(project, blob, expected=mark.version)])


def _sides(edit: Edit) -> Iterator[str]:
    sides = (edit.base, edit.git, None if edit.text is None else blob_id(edit.text))
    return (blob for blob in sides if blob)
