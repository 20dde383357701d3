"""Projects, and turning GitOps on and off for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.model.calls import Answer, Call
from shared.model.experiments import SyncState
from shared.model.projects import GitOps, Project
from shared.model.records import ABSENT
from shared.rules.urls import check_api, check_repository
from shared.services.accepting import rescheduled
from shared.services.api.desk import Desk, enabled
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, listing
from shared.services.api.tags import check_seen, tagged, version_of
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty, dirty_writes
from shared.services.ledger import stamp
from shared.services.tables import PROJECTS, SYNCS, Versioned

if TYPE_CHECKING:
    from shared.services.api.bodies import GitOpsBody
from shared.wire.traces import continued


@dataclass(frozen=True, slots=True)
class Projects:
    """Tenants and their GitOps settings. Sync is off until someone turns it on."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        gitops = "/projects/{project}/gitops"
        return [
            Operation("POST", "/projects", "Create a project", self.create, "NewProject", 201),
            Operation("GET", "/projects", "List projects", self.browse, query=QUERY),
            Operation("GET", "/projects/{project}", "Show a project", self.show),
            Operation("PUT", gitops, "Turn GitOps on, or change it", self.enable, "GitOpsBody", headers=("If-Match",)),
            Operation("GET", gitops, "Show the GitOps settings", self.gitops),
            Operation("DELETE", gitops, "Turn GitOps off", self.disable, status=204),
            Operation("POST", "/projects/{project}/sync", "Sync now", self.sync, status=202),
            Operation("GET", "/projects/{project}/sync", "Show how far the portal follows git", self.sync_state),
        ]

    def create(self, call: Call) -> Answer:
        """Create a project: 409 if the id is taken."""
        body = parse("NewProject", call)
        project = Project(body.id, body.name, stamp(self.desk.clock))
        try:
            self.desk.store.commit([PROJECTS.put(project, project.id, expected=ABSENT)])
        except Stale as error:
            raise Conflict(f"the project id {body.id!r} is taken: choose another") from error
        return Answer(201, show(project))

    def browse(self, call: Call) -> Answer:
        """List projects by id."""
        return listing(self.desk.store, PROJECTS.partition(), call, lambda row: show(PROJECTS.read(row).value))

    def show(self, call: Call) -> Answer:
        """Show one project."""
        return Answer(200, show(self.desk.project(call).value))

    def enable(self, call: Call) -> Answer:
        """Store the settings and sync at once, so that what git has is imported."""
        gitops = self._settings(parse("GitOpsBody", call), call.params["project"])

        def changed(was: Project) -> Project:
            check_seen(call, _version(was))
            return msgspec.structs.replace(was, gitops=gitops)

        project = self._change(call, changed)
        return Answer(200, show_gitops(project), tagged(_version(project)))

    def gitops(self, call: Call) -> Answer:
        """Show the settings: 404 where GitOps was never turned on."""
        project = self.desk.project(call).value
        if project.gitops is None:
            raise NotFound(f"GitOps was never turned on for project {project.id!r}")
        return Answer(200, show_gitops(project), tagged(_version(project)))

    def disable(self, call: Call) -> Answer:
        """Turn GitOps off: what is stored stays, nothing is synced or triggered any more, schedules are removed."""
        self._change(call, _disabled)
        return Answer(204)

    def sync(self, call: Call) -> Answer:
        """Ask for a sync now."""
        project = self.desk.project(call).value
        enabled(project)
        trace = continued(call.headers)
        until_fresh(lambda: self.desk.store.commit(*dirty(self.desk.store, self.desk.ids, project.id, trace)))
        return Answer(202, {"project": project.id})

    def sync_state(self, call: Call) -> Answer:
        """Show the sync's state: `degraded` says why in `problem`; while GitOps is off nothing follows git."""
        project = self.desk.project(call).value
        state = SYNCS.load_or(self.desk.store, SyncState(), project.id).value
        return Answer(200, show_sync(project, state))

    def _change(self, call: Call, change: Callable[[Project], Project]) -> Project:
        return until_fresh(lambda: self._try_change(call, change))

    def _try_change(self, call: Call, change: Callable[[Project], Project]) -> Project:
        was = self.desk.project(call)
        project = change(was.value)
        writes, messages = self._resync(was, project)
        looked = rescheduled(self.desk.ids, project.id)
        self.desk.store.commit([PROJECTS.replace(was, project), *writes], [*messages, looked])
        return project

    def _resync(self, was: Versioned[Project], project: Project) -> tuple[list[Any], list[Any]]:
        if project.gitops is None or not project.gitops.enabled:
            return [], []
        state = SYNCS.load_or(self.desk.store, SyncState(), project.id)
        if _place(was.value.gitops) != _place(project.gitops):
            fresh = SyncState(dirty=state.value.dirty, clean=state.value.clean)
            state = msgspec.structs.replace(state, value=fresh)
        return dirty_writes(state, self.desk.ids, project.id)

    def _settings(self, body: GitOpsBody, project: str) -> GitOps:
        check_repository(body.repo_url, allow_local=self.desk.allow_local)
        if body.api_url is not None:
            check_api(body.api_url, allow_local=self.desk.allow_local)
        if body.write_back == "pull_request" and body.provider == "git":
            why = "pull_request needs provider github or gitlab: plain git has no pull requests; take commit"
            raise Invalid(f"write_back: {why}", ({"field": "write_back", "message": why},))
        values = body.model_dump() | {"webhook_secrets": tuple(body.webhook_secrets)}
        return GitOps(**values | {"path": f"litmus/{project}" if body.path is None else body.path})


def _disabled(project: Project) -> Project:
    if project.gitops is None:
        return project
    return msgspec.structs.replace(project, gitops=msgspec.structs.replace(project.gitops, enabled=False))


def _place(gitops: GitOps | None) -> tuple[str, str, str] | None:
    """Return the place that is followed: None while it is off, so that turning it on again imports."""
    return (gitops.repo_url, gitops.branch, gitops.path) if gitops and gitops.enabled else None


def show(project: Project) -> dict[str, Any]:
    """Return a project as the API shows it."""
    on = project.gitops is not None and project.gitops.enabled
    frozen = project.freeze and msgspec.to_builtins(project.freeze)
    return {"id": project.id, "name": project.name, "created_at": project.created_at, "gitops": on, "freeze": frozen}


def show_gitops(project: Project) -> dict[str, Any]:
    """Return the GitOps settings; secrets are references and stay so."""
    shown: dict[str, Any] = msgspec.to_builtins(project.gitops)
    return shown


def _version(project: Project) -> str:
    return version_of(show_gitops(project) if project.gitops else {})


def show_sync(project: Project, state: SyncState) -> dict[str, Any]:
    """Return the sync's state (CONTRACT, "API resources")."""
    on = project.gitops is not None and project.gitops.enabled
    problem = state.problem if on else f"GitOps is off: turn it on with PUT /api/projects/{project.id}/gitops"
    busy = "syncing" if state.dirty != state.clean else "synced"
    return {
        "state": "degraded" if problem else busy,
        "branch": project.gitops and project.gitops.branch,
        "commit": state.commit,
        "head": state.head,
        "at": state.at,
        "invalid": state.invalid,
        "problem": problem,
        "moved": state.moved,
    }
