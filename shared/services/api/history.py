"""The history of an experiment: what its runs came to, how long that took, and where its score goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.errors import NotFound
from shared.model.calls import Answer, Call
from shared.model.records import Record
from shared.rules.trends import seconds, trend
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation
from shared.services.api.paging import QUERY, listing
from shared.services.tables import EXPERIMENTS, HISTORY

NEWEST: Final = 100
"""Runs that a trend is made of, at most."""


@dataclass(frozen=True, slots=True)
class History:
    """Runs of one experiment that did chaos; those of one that git holds no longer are still there."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        one = "/projects/{project}/experiments/{experiment}"
        browse = "List what an experiment's runs came to, newest first"
        show = "Show pass rate, mean score, its direction, and the time from trigger to verdict"
        return [
            Operation("GET", f"{one}/history", browse, self.browse, query=QUERY),
            Operation("GET", f"{one}/trend", show, self.show),
        ]

    def browse(self, call: Call) -> Answer:
        """List the runs that did chaos, each with the `seconds` from its trigger to its end, null where unknown."""
        return listing(self.desk.store, self._partition(call), call, _shown, newest_first=True)

    def show(self, call: Call) -> Answer:
        """Show the trend of the `NEWEST` of them."""
        rows = self.desk.store.query(self._partition(call), newest_first=True, limit=NEWEST)
        return Answer(200, msgspec.to_builtins(trend([HISTORY.read(row).value for row in rows])))

    def _partition(self, call: Call) -> str:
        """Return where the history is: `NotFound` where the project has, and had, no such experiment."""
        project, name = self.desk.project(call).value.id, call.params["experiment"]
        partition = HISTORY.partition(project, name)
        if self.desk.store.query(partition, limit=1) or EXPERIMENTS.load(self.desk.store, project, name):
            return partition
        raise NotFound(f"no experiment {name[:80]!r} in project {project!r}, and no run of one")


def _shown(record: Record) -> dict[str, Any]:
    run = HISTORY.read(record).value
    shown: dict[str, Any] = msgspec.to_builtins(run)
    return shown | {"seconds": seconds(run)}
