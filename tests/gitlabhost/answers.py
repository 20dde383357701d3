"""What GitLab shows of what it has: the fields of its entities, under their names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.gitlabhost import repositories
from tests.gitlabhost.state import Discussion, Event, Hook, Merge, Note, Project, State, Status, User, Version

EVENTS = (
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "issues_events",
    "confidential_issues_events",
    "note_events",
    "confidential_note_events",
    "job_events",
    "pipeline_events",
    "wiki_page_events",
    "deployment_events",
    "feature_flag_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
    "resource_deploy_token_events",
    "vulnerability_events",
)
SIGNING = (19, 0)
"""The release that signing tokens came with."""


def stamp(at: datetime | None) -> str | None:
    """Return a time as GitLab writes it."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def user(state: State, one: User) -> dict[str, Any]:
    return {
        "id": one.id,
        "username": one.username,
        "public_email": None,
        "name": one.username.title(),
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{state.url}/{one.username}",
    }


def project(state: State, one: Project) -> dict[str, Any]:
    name = one.path.rpartition("/")[2]
    branches = repositories.heads(one.folder)
    return {
        "id": one.id,
        "description": None,
        "name": name.title(),
        "path": name,
        "path_with_namespace": one.path,
        "default_branch": "main" if "main" in branches else next(iter(branches), None),
        "http_url_to_repo": f"{state.url}/{one.path}.git",
        "web_url": f"{state.url}/{one.path}",
        "visibility": "public" if one.public else "private",
        "archived": one.archived,
        "empty_repo": not branches,
    }


def status(state: State, one: Status) -> dict[str, Any]:
    return {
        "id": one.id,
        "sha": one.pipeline.sha,
        "ref": one.ref,
        "status": one.status,
        "name": one.name,
        "target_url": one.target_url,
        "description": one.description,
        "created_at": None,
        "started_at": None,
        "finished_at": None,
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": one.pipeline.id,
        "author": user(state, one.user),
    }


def merge_basic(state: State, of: Project, one: Merge) -> dict[str, Any]:
    """A merge request in a list."""
    source = one.fork or of.folder
    return {
        "id": of.id * 1000 + one.iid,
        "iid": one.iid,
        "project_id": of.id,
        "title": one.title,
        "description": one.description,
        "state": one.state,
        "target_branch": one.target,
        "source_branch": one.source,
        "source_project_id": of.id if one.fork is None else of.id + 5000,
        "target_project_id": of.id,
        "author": user(state, one.author),
        "draft": False,
        "sha": one.versions[-1].head if one.versions else repositories.commit(source, one.source),
        "merge_commit_sha": one.merged_as,
        "detailed_merge_status": "mergeable" if one.prepared_at else "preparing",
        "prepared_at": stamp(one.prepared_at),
        "web_url": f"{state.url}/{of.path}/-/merge_requests/{one.iid}",
    }


def merge(state: State, of: Project, one: Merge) -> dict[str, Any]:
    """A merge request by itself; its diff's commits are null until it is prepared."""
    latest = one.versions[-1] if one.versions else None
    return merge_basic(state, of, one) | {"diff_refs": latest and refs(latest), "changes_count": None}


def refs(version: Version) -> dict[str, str]:
    return {"base_sha": version.base, "head_sha": version.head, "start_sha": version.start}


def note(state: State, one: Note) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": one.id,
        "type": one.kind,
        "body": one.body,
        "author": user(state, one.author),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "system": one.system,
        "noteable_type": "MergeRequest",
        "resolvable": one.kind is not None,
        "confidential": False,
        "internal": False,
    }
    if one.position is not None:
        shown["position"] = one.position
    if one.kind is not None:
        by = one.resolved_by
        shown |= {"resolved": by is not None, "resolved_by": by and user(state, by), "resolved_at": None}
    return shown


def discussion(state: State, one: Discussion) -> dict[str, Any]:
    return {"id": one.id, "individual_note": one.individual, "notes": [note(state, each) for each in one.notes]}


def hook(state: State, of: Project, one: Hook) -> dict[str, Any]:
    shown = {
        "id": one.id,
        "url": one.url,
        "name": one.settings.get("name"),
        "description": one.settings.get("description"),
        "project_id": of.id,
        "created_at": None,
        "enable_ssl_verification": one.settings.get("enable_ssl_verification", True),
        "alert_status": alert(state, one),
        "disabled_until": stamp(one.disabled_until),
        "push_events_branch_filter": one.settings.get("push_events_branch_filter"),
        "branch_filter_strategy": one.settings.get("branch_filter_strategy", "wildcard"),
        "repository_update_events": False,
        "custom_webhook_template": None,
        **{name: one.settings.get(name, name == "push_events") for name in EVENTS},
    }
    if state.release >= SIGNING:
        shown |= {"token_present": bool(one.token), "signing_token_present": bool(one.signing_token)}
    return shown


def alert(state: State, one: Hook) -> str:
    """How a hook is, by GitLab's count of failures in a row."""
    if one.failures > 39:
        return "disabled"
    if one.failures > 3 and one.disabled_until and one.disabled_until >= state.now():
        return "temporarily_disabled"
    return "executable"


def event(one: Event) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.url,
        "trigger": one.trigger,
        "request_headers": one.request_headers,
        "request_data": one.request_data,
        "response_headers": {},
        "response_body": "",
        "execution_duration": 0.01,
        "response_status": one.response_status,
        "created_at": stamp(one.created_at),
    }
