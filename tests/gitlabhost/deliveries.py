"""Webhooks on their way: real HTTP, GitLab's headers and bodies, and its count of failures."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import urllib3

from tests.gitlabhost import answers, repositories
from tests.gitlabhost.state import Event, Hook, Merge, Project, State
from tests.gitserver import git
from tests.hosts import standard

NOTHING = "0" * 40
LISTED_COMMITS = 20
BRANCHES = 3
"""Branches that one push may change before GitLab sends nothing for it."""


def number(event: Event) -> int:
    """Return the status that the receiver answered with, 0 if it did not answer."""
    return int(event.response_status) if event.response_status.isdigit() else 0


def pushed(state: State, project: Project) -> None:
    """Tell the hooks of every branch that moved since they were last told."""
    now = repositories.heads(project.folder)
    moved = [name for name in sorted({*now, *project.heads}) if now.get(name) != project.heads.get(name)]
    before, project.heads = project.heads, now
    for name in moved if len(moved) <= BRANCHES else []:
        for hook in _listening(state, project, "push_events"):
            body = _push(state, project, name, before.get(name, NOTHING), now.get(name, NOTHING))
            send(state, hook, "push_hooks", "Push Hook", body)


def push(state: State, project: Project, hook: Hook, branch: str) -> Event:
    """Send the latest push of a branch, or its last commits as a test."""
    after = repositories.heads(project.folder)[branch]
    before = repositories.commit(project.folder, f"{after}~1") or NOTHING
    return send(state, hook, "push_hooks", "Push Hook", _push(state, project, branch, before, after))


def merge(state: State, project: Project, one: Merge, action: str) -> None:
    """Tell the hooks of what happened to a merge request."""
    for hook in _listening(state, project, "merge_requests_events"):
        send(state, hook, "merge_request_hooks", "Merge Request Hook", _merge(state, project, one, action))


def again(state: State, hook: Hook, event: Event) -> Event:
    """Send what an attempt sent, under its key."""
    headers = event.request_headers
    key = headers["Idempotency-Key"]
    return send(state, hook, event.trigger, headers["X-Gitlab-Event"], event.request_data, key=key)


def send(state: State, hook: Hook, trigger: str, name: str, data: dict[str, Any], *, key: str = "") -> Event:
    """Post it once; a hook that fails is paused, and one that answers well, if only to a test, is as new."""
    body = json.dumps(data).encode()
    headers = _headers(state, hook, name, key or str(uuid.uuid4()), body)
    answered = _posted(hook.url, headers, body)
    shown = headers | ({"X-Gitlab-Token": "[REDACTED]"} if hook.token else {})
    event = Event(state.new_id(), hook.url, trigger, shown, data, answered, state.now())
    hook.events.append(event)
    if 200 <= number(event) < 400:
        hook.failures, hook.disabled_until = 0, None
    elif answers.alert(state, hook) == "executable":
        _back_off(state, hook)
    return event


def _back_off(state: State, hook: Hook) -> None:
    hook.failures = min(hook.failures + 1, 40)
    if hook.failures > 3:
        minutes = min(2.0 ** (hook.failures - 4), 24 * 60.0)
        hook.disabled_until = state.now() + timedelta(minutes=minutes)


def _listening(state: State, project: Project, event: str) -> Iterator[Hook]:
    for hook in list(project.hooks.values()):
        if hook.settings.get(event, event == "push_events") and answers.alert(state, hook) == "executable":
            yield hook


def _headers(state: State, hook: Hook, name: str, key: str, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/{}.{}.0".format(*state.release),
        "Idempotency-Key": key,
        "X-Gitlab-Event": name,
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Instance": state.url,
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
    }
    if hook.token:
        headers["X-Gitlab-Token"] = hook.token
    if state.release >= answers.SIGNING:
        headers |= {"webhook-id": key, "webhook-timestamp": str(int(state.now().timestamp()))}
    return headers | (standard(key, body, hook.signing_token, state.now()) if hook.signing_token else {})


def _posted(url: str, headers: dict[str, str], body: bytes) -> str:
    try:
        with urllib3.PoolManager(timeout=5.0, retries=False) as pool:
            return str(pool.request("POST", url, body=body, headers=headers, redirect=False).status)
    except urllib3.exceptions.HTTPError:
        return "internal error"


def _about(state: State, project: Project) -> dict[str, Any]:
    name = project.path.rpartition("/")[2]
    page, place = f"{state.url}/{project.path}", f"{state.url}/{project.path}.git"
    return {
        "id": project.id,
        "name": name.title(),
        "description": None,
        "web_url": page,
        "avatar_url": None,
        "git_ssh_url": f"git@127.0.0.1:{project.path}.git",
        "git_http_url": place,
        "namespace": project.path.split("/")[0].title(),
        "visibility_level": 0,
        "path_with_namespace": project.path,
        "default_branch": "main",
        "homepage": page,
        "url": place,
        "ssh_url": f"git@127.0.0.1:{project.path}.git",
        "http_url": place,
    }


def _push(state: State, project: Project, branch: str, before: str, after: str) -> dict[str, Any]:
    gone = after == NOTHING
    span = [] if gone else ["-n", "50", after, *([f"^{before}"] if before != NOTHING else [])]
    commits = git("rev-list", *span, cwd=project.folder).split() if span else []
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": before,
        "after": after,
        "ref": f"refs/heads/{branch}",
        "ref_protected": branch in project.protected,
        "checkout_sha": None if gone else after,
        "message": None,
        "user_id": 7,
        "user_name": "Ada",
        "user_username": "ada",
        "user_email": "",
        "user_avatar": None,
        "project_id": project.id,
        "project": _about(state, project),
        "commits": [{"id": one, "added": [], "modified": [], "removed": []} for one in commits[:LISTED_COMMITS]],
        "total_commits_count": len(commits),
        "push_options": {},
        "repository": {"name": project.path.rpartition("/")[2], "homepage": f"{state.url}/{project.path}"},
    }


def _merge(state: State, project: Project, one: Merge, action: str) -> dict[str, Any]:
    basic = answers.merge_basic(state, project, one)
    kept = ("id", "iid", "title", "description", "state", "source_branch", "target_branch", "source_project_id")
    head = one.versions[-1].head if one.versions else basic["sha"]
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": one.author.id, "name": one.author.username.title(), "username": one.author.username},
        "project": _about(state, project),
        "repository": {"name": project.path.rpartition("/")[2], "homepage": f"{state.url}/{project.path}"},
        "object_attributes": {
            **{name: basic[name] for name in kept},
            "target_project_id": project.id,
            "author_id": one.author.id,
            "last_commit": {"id": head, "message": "", "timestamp": answers.stamp(state.now())},
            "source": _about(state, project),
            "target": _about(state, project),
            "url": basic["web_url"],
            "action": action,
        },
        "changes": {},
    }
