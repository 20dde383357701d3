"""The infra_ids that experiments name and nobody knows: what a person has to map to clusters of the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from shared.model.calls import Answer, Call
from shared.model.projects import Project
from shared.rules.routing import meant
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation
from shared.services.api.paging import QUERY, after_of, limit_of, page
from shared.services.portal_records import listed
from shared.services.tables import EXPERIMENTS, MEMBERS

_SHOWN: Final = 50
"""Experiments that one row names; it counts all."""


@dataclass(frozen=True, slots=True)
class InfraIds:
    """What a repository that comes from another Litmus calls its clusters."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        summary = "List infra_ids that experiments name and no cluster has"
        return [Operation("GET", "/projects/{project}/infra-ids", summary, self.browse, query=QUERY)]

    def browse(self, call: Call) -> Answer:
        """List them by name, each with its experiments; `infra_ids` in the GitOps settings says what they mean."""
        unknown = self._unknown(self.desk.project(call).value)
        after, limit = after_of(call) or "", limit_of(call)
        rest = sorted(name for name in unknown if name > after)
        return page(rest[: limit + 1], limit, str, lambda name: _row(name, unknown[name]))

    def _unknown(self, project: Project) -> dict[str, list[str]]:
        clusters = [row.value for row in listed(self.desk.store, MEMBERS, project.id)]
        mapped = project.gitops.infra_ids if project.gitops else {}
        unknown: dict[str, list[str]] = {}
        for row in listed(self.desk.store, EXPERIMENTS, project.id):
            name = row.value.manifest.infra_id if row.value.manifest else None
            if name is not None and not meant(name, clusters, mapped):
                unknown.setdefault(name, []).append(row.value.id)
        return unknown


def _row(name: str, experiments: list[str]) -> dict[str, Any]:
    return {"infra_id": name, "count": len(experiments), "experiments": experiments[:_SHOWN]}
