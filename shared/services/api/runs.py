"""Runs: what was carried out where, with which score, and how to start and stop one by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.errors import NotFound
from shared.model.calls import Answer, Call
from shared.model.runs import Run
from shared.services.api.desk import Desk, enabled
from shared.services.api.experiments import author
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, listing
from shared.services.approving import Approving
from shared.services.dispatching import Dispatching
from shared.services.tables import RUNS
from shared.wire.traces import continued

WHO: Final = ("X-Editor",)
"""The header that says which person speaks with the owner's token."""


@dataclass(frozen=True, slots=True)
class Runs:
    """One experiment on one cluster, each."""

    desk: Desk
    dispatching: Dispatching

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        start, run = "/projects/{project}/experiments/{experiment}/runs", "/projects/{project}/runs/{run}"
        approve, deny = self._judges(self._approving.approve), self._judges(self._approving.deny)
        return [
            Operation("GET", "/projects/{project}/runs", "List runs, newest first", self.browse, query=QUERY),
            Operation("GET", run, "Show a run", self.show),
            Operation("POST", f"{run}/stop", "Stop a run", self.stop, status=202),
            Operation(
                "POST",
                f"{run}/approve",
                "Let a run go that waits for approval",
                approve,
                "ApprovalBody",
                202,
                headers=WHO,
            ),
            Operation(
                "POST", f"{run}/deny", "End a run that waits for approval", deny, "ApprovalBody", 202, headers=WHO
            ),
            Operation("POST", start, "Run an experiment now", self.start, "NewRun", 202),
        ]

    def browse(self, call: Call) -> Answer:
        """List the project's runs."""
        partition = RUNS.partition(self.desk.project(call).value.id)
        return listing(self.desk.store, partition, call, lambda row: show(RUNS.read(row).value), newest_first=True)

    def show(self, call: Call) -> Answer:
        """Show one run."""
        project, run = self.desk.project(call).value, call.params["run"]
        found = RUNS.load(self.desk.store, project.id, run)
        if found is None:
            raise NotFound(f"no run {run[:80]!r} in project {project.id!r}")
        return Answer(200, show(found.value))

    def start(self, call: Call) -> Answer:
        """Run an experiment now, for a person: without a guard, but within all rules of safety."""
        project, body = self.desk.project(call).value, parse("NewRun", call)
        enabled(project)
        experiment, trace = call.params["experiment"], continued(call.headers)
        runs = self.dispatching.start(project.id, experiment, tuple(body.clusters), "person", "owner", trace)
        return Answer(202, {"items": [show(run) for run in runs], "next": None})

    def stop(self, call: Call) -> Answer:
        """Stop a run: an order that did not start is dropped, a started one is told to stop."""
        project = self.desk.project(call).value
        return Answer(202, show(self.dispatching.stop(project.id, call.params["run"])))

    def _judges(self, judge: Callable[[str, str, str, str], Run]) -> Callable[[Call], Answer]:
        """Return a handler that takes a person's word: who says it is in `X-Editor`, why in the body."""

        def handle(call: Call) -> Answer:
            project, why = self.desk.project(call).value, parse("ApprovalBody", call).reason
            return Answer(202, show(judge(project.id, call.params["run"], author(call), why)))

        return handle

    @property
    def _approving(self) -> Approving:
        return Approving(self.desk.store, self.desk.clock, self.desk.ids)


def show(run: Run) -> dict[str, Any]:
    """Return a run as the API shows it (CONTRACT, "API resources")."""
    shown: dict[str, Any] = msgspec.to_builtins(run)
    return shown
