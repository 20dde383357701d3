"""Commit statuses: jobs of pipelines, with a job's transitions."""

from __future__ import annotations

import re
from typing import Any

from tests.gitlabhost import answers, repositories
from tests.gitlabhost.calls import Answer, Call, Parameter, Refused, route
from tests.gitlabhost.state import DEVELOPER, MAINTAINER, Pipeline, Status

POSTED = {
    "state": Parameter(required=True, values=("pending", "running", "success", "failed", "canceled", "skipped")),
    "ref": Parameter(),
    "target_url": Parameter(),
    "description": Parameter(),
    "name": Parameter(),
    "context": Parameter(),
    "coverage": Parameter(),
    "pipeline_id": Parameter(int),
}
TRANSITIONS = {
    "enqueue": ({"created", "skipped", "manual"}, "pending"),
    "run": ({"pending"}, "running"),
    "success": ({"created", "pending", "running"}, "success"),
    "drop": ({"created", "pending", "running"}, "failed"),
    "cancel": ({"created", "pending", "running"}, "canceled"),
    "skip": ({"created", "pending"}, "skipped"),
}
ASKED = {
    "pending": ("enqueue",),
    "running": ("enqueue?", "run"),
    "success": ("success",),
    "failed": ("drop",),
    "canceled": ("cancel",),
    "skipped": ("skip",),
}
"""The events of a state; one with a question mark may be impossible."""


@route("POST", "/statuses/:sha", POSTED, level=DEVELOPER)
def post(call: Call) -> Answer:
    given, sha = call.given, _commit(call)
    line = _pipeline(call, sha)
    if line.ref in call.project.protected and call.token.level < MAINTAINER:
        raise Refused(403, {"message": "403 Forbidden"})
    name = given.get("name") or given.get("context") or "default"
    one = _unfinished(call, line, name) or Status(call.state.new_id(), name, line.ref, line, call.token.user)
    if len(given.get("target_url", "")) > 255 or not re.match("https?://|$", given.get("target_url", "")):
        raise Refused(400, {"message": {"target_url": ["is too long (maximum is 255 characters)"]}})
    after = one.status
    for event in ASKED[given["state"]]:
        after = _moved(event, after)
    _keep(line, one, after, given)
    return 201, answers.status(call.state, one)


@route("GET", "/repository/commits/:sha/statuses", {"all": Parameter(bool), "name": Parameter()}, paged=True)
def listed(call: Call) -> Answer:
    sha = _commit(call)
    lines = (one for one in call.project.pipelines if one.sha == sha)
    found = (one for line in lines for one in line.statuses if call.given.get("all") or not one.retried)
    return 200, [answers.status(call.state, one) for one in found if call.given.get("name") in {None, one.name}]


@route("GET", "/repository/commits/:sha/merge_requests", paged=True)
def merges(call: Call) -> Answer:
    sha = _commit(call)
    found = (one for one in call.project.merges.values() if any(sha == version.head for version in one.versions))
    return 200, [answers.merge_basic(call.state, call.project, one) for one in found]


def _commit(call: Call) -> str:
    sha = repositories.commit(call.project.folder, call.path["sha"])
    if sha is None:
        raise Refused(404, {"message": "404 Commit Not Found"})
    return sha


def _pipeline(call: Call, sha: str) -> Pipeline:
    """Return the newest pipeline of the commit, or a new one on the first branch that contains it."""
    ref, number = call.given.get("ref"), call.given.get("pipeline_id")
    lines = (one for one in reversed(call.project.pipelines) if one.sha == sha)
    found = next((one for one in lines if ref in {None, one.ref} and number in {None, one.id}), None)
    if found:
        return found
    if number is not None:
        raise Refused(404, {"message": "404 Pipeline for pipeline_id, sha and ref Not Found"})
    ref = ref or next(iter(repositories.branches_with(call.project.folder, sha)), None)
    if ref is None:
        raise Refused(404, {"message": "404 References for commit Not Found"})
    call.project.pipelines.append(Pipeline(call.state.new_id(), sha, ref, "external"))
    return call.project.pipelines[-1]


def _unfinished(call: Call, line: Pipeline, name: str) -> Status | None:
    """Return this user's status of the name that is pending or running: any other is left, and a new one made."""
    found = (one for one in line.statuses if one.name == name and one.user == call.token.user)
    return next((one for one in found if one.status in {"pending", "running"}), None)


def _moved(event: str, before: str) -> str:
    froms, to = TRANSITIONS[event.removesuffix("?")]
    if before in froms:
        return to
    if event.endswith("?"):
        return before
    why = f'Cannot transition status via :{event} from :{before} (Reason(s): Status cannot transition via "{event}")'
    raise Refused(400, {"message": why})


def _keep(line: Pipeline, one: Status, after: str, given: dict[str, Any]) -> None:
    """Keep a status that could move; a new one makes those of its name before it retried."""
    if one not in line.statuses:
        for before in line.statuses:
            before.retried = before.retried or before.name == one.name
        line.statuses.append(one)
    one.status = after
    one.description = given.get("description", one.description)
    one.target_url = given.get("target_url", one.target_url)
