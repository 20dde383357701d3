"""What only the portal has, and a person's word on it: export it to git, or drop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.model.calls import Answer, Call
from shared.model.experiments import Edit
from shared.rules.edits import blob_id
from shared.services.api.desk import Desk, enabled
from shared.services.api.experiments import author
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, after_of, limit_of, page
from shared.services.exports import Exports, Wanted
from shared.services.offers import offers_of
from shared.wire.traces import continued


@dataclass(frozen=True, slots=True)
class Exporting:
    """Offers: experiments and policies that the followed repository, branch or path lacks."""

    desk: Desk
    exports: Exports

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        path = "/projects/{project}/export"
        return [
            Operation("GET", path, "List what only the portal has", self.browse, query=QUERY),
            Operation("POST", path, "Export it to git, or drop it", self.decide, "ExportBody", headers=("X-Editor",)),
        ]

    def browse(self, call: Call) -> Answer:
        """List it, oldest first."""
        after, limit = after_of(call) or "", limit_of(call)
        rest = [edit for edit in offers_of(self.desk.store, self.desk.project(call).value.id) if edit.id > after]
        return page(rest[: limit + 1], limit, lambda edit: edit.id, show)

    def decide(self, call: Call) -> Answer:
        """Export: 200 once it is a commit, 202 while it is a pull request; or drop."""
        project, body = self.desk.project(call).value, parse("ExportBody", call)
        gitops = enabled(project)
        wanted = Wanted(_named(body.experiments), _named(body.policies))
        if body.drop:
            dropped = self.exports.drop(project.id, wanted, author(call))
            return Answer(200, {"dropped": [show(edit) for edit in dropped]})
        done = self.exports.export(project.id, gitops, wanted, author(call), continued(call.headers))
        told = {"exported": [show(edit) for edit in done.edits], "commit": done.commit, "pull": done.pull}
        return Answer(202 if done.pull else 200, told)


def _named(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def show(edit: Edit) -> dict[str, Any]:
    """Return an offer as the API shows it; `experiment` is null where it is a policy."""
    blob = blob_id(edit.text or b"")
    return {"id": edit.id, "experiment": edit.experiment or None, "path": edit.path, "blob": blob, "since": edit.at}
