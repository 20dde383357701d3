"""Merge requests over real branches."""

from __future__ import annotations

from typing import Any

from tests.gitlabhost import answers, deliveries, repositories
from tests.gitlabhost.calls import Answer, Call, Parameter, Refused, route
from tests.gitlabhost.quick import obeyed
from tests.gitlabhost.state import DEVELOPER, Merge, Note, Project, State, Version
from tests.gitserver import git

LISTED = {
    "state": Parameter(values=("opened", "closed", "locked", "merged", "all")),
    "source_branch": Parameter(),
    "target_branch": Parameter(),
    "order_by": Parameter(values=("created_at", "updated_at", "title")),
    "sort": Parameter(values=("asc", "desc")),
    "search": Parameter(),
    "author_id": Parameter(int),
}
DESCRIBED = {
    "description": Parameter(),
    "labels": Parameter(),
    "assignee_id": Parameter(int),
    "remove_source_branch": Parameter(bool),
    "allow_collaboration": Parameter(bool),
    "squash": Parameter(bool),
}
OPENED = {
    "title": Parameter(required=True),
    "source_branch": Parameter(required=True),
    "target_branch": Parameter(required=True),
    "target_project_id": Parameter(int),
    **DESCRIBED,
}
CHANGED = {
    "title": Parameter(),
    "target_branch": Parameter(),
    "state_event": Parameter(values=("close", "reopen")),
    "discussion_locked": Parameter(bool),
    **DESCRIBED,
}
NUMBER = "/merge_requests/:merge_request_iid"


def of(call: Call) -> Merge:
    """Return the merge request that a call is about."""
    found = call.project.merges.get(call.number("merge_request_iid"))
    if found is None:
        raise Refused(404, {"message": "404 Not found"})
    return found


@route("GET", "/merge_requests", LISTED, paged=True)
def listed(call: Call) -> Answer:
    found = sorted(call.project.merges.values(), key=lambda one: one.iid, reverse=call.given.get("sort") != "asc")
    wanted = {"state": call.given.get("state", "all")} | {
        name: call.given[f"{name}_branch"] for name in ("source", "target") if f"{name}_branch" in call.given
    }
    fits = (one for one in found if all(value in {"all", getattr(one, name)} for name, value in wanted.items()))
    return 200, [answers.merge_basic(call.state, call.project, one) for one in fits]


@route("POST", "/merge_requests", OPENED, level=DEVELOPER)
def opened(call: Call) -> Answer:
    source, target = call.given["source_branch"], call.given["target_branch"]
    branches = repositories.heads(call.project.folder)
    _check(call.project, source, target, branches)
    one = Merge(0, call.token.user, source, target, call.given["title"], "")
    begun(call.state, call.project, one)
    one.description = obeyed(one, call.given.get("description", ""))
    return 201, answers.merge(call.state, call.project, one)


def _check(project: Project, source: str, target: str, branches: dict[str, str]) -> None:
    for name, branch in (("source", source), ("target", target)):
        if branch not in branches:
            raise Refused(400, {"message": {f"{name}_branch": ["does not exist"]}})
    if source == target:
        raise Refused(422, {"message": ["You can't use same project/branch for source and target"]})
    for one in project.merges.values():
        if (one.state, one.source, one.target) == ("opened", source, target):
            text = f"Another open merge request already exists for this source branch: !{one.iid}"
            raise Refused(409, {"message": [text]})


@route("GET", NUMBER)
def shown(call: Call) -> Answer:
    return 200, answers.merge(call.state, call.project, of(call))


@route("PUT", NUMBER, CHANGED, level=DEVELOPER)
def changed(call: Call) -> Answer:
    one = of(call)
    if not call.given:
        raise Refused(400, {"error": f"{', '.join(CHANGED)} are missing, at least one parameter must be provided"})
    event = call.given.get("state_event")
    before = {"close": "opened", "reopen": "closed"}.get(event or "")
    if before and one.state != before:
        raise Refused(422, {"message": [f"State cannot transition via {event}"]})
    one.state = {"close": "closed", "reopen": "opened"}.get(event or "", one.state)
    one.title, one.target = call.given.get("title", one.title), call.given.get("target_branch", one.target)
    one.description = obeyed(one, call.given.get("description", one.description))
    deliveries.merge(call.state, call.project, one, event or "update")
    return 200, answers.merge(call.state, call.project, one)


@route("GET", f"{NUMBER}/diffs", {"unidiff": Parameter(bool)}, paged=True)
def diffs(call: Call) -> Answer:
    versions = of(call).versions
    files = repositories.file_diffs(call.project.folder, versions[-1].base, versions[-1].head) if versions else []
    for file in files:
        file["too_large"] = file["new_path"] in call.project.too_large
        file["diff"] = "" if file["too_large"] else file["diff"]
    return 200, files


def begun(state: State, project: Project, one: Merge) -> Merge:
    """Number it, and make its diff unless that takes its time."""
    one.iid = max(project.merges, default=0) + 1
    project.merges[one.iid] = one
    if not state.preparing:
        prepare(state, project, one)
    return one


def prepare(state: State, project: Project, one: Merge) -> None:
    """Make the diff between where the branches parted and the source's head."""
    head, start = _source_head(project, one), repositories.commit(project.folder, one.target)
    if head and start:
        one.versions.append(Version(repositories.merge_base(project.folder, start, head), start, head))
    if one.prepared_at is None:
        one.prepared_at = state.now()
        deliveries.merge(state, project, one, "open")


def refresh(state: State, project: Project) -> list[Merge]:
    """Follow the sources that were pushed to, as GitLab does after each push; return those that moved."""
    moved = []
    for one in project.merges.values():
        head = _source_head(project, one)
        if one.state == "opened" and one.versions and head and head != one.versions[-1].head:
            prepare(state, project, one)
            _move_notes(project, one)
            moved.append(one)
    return moved


def _source_head(project: Project, one: Merge) -> str | None:
    """Return the source's head, which GitLab fetches from a fork into a ref of the merge request's own."""
    if one.fork is None:
        return repositories.commit(project.folder, f"refs/heads/{one.source}")
    ref = f"refs/merge-requests/{one.iid}/head"
    git("fetch", "-q", str(one.fork), f"+refs/heads/{one.source}:{ref}", cwd=project.folder)
    return repositories.commit(project.folder, ref)


def _move_notes(project: Project, one: Merge) -> None:
    for thread in one.discussions:
        for note in thread.notes:
            if note.position and note.position["position_type"] == "text":
                _move(project, one.versions[-1], note)


def _move(project: Project, latest: Version, note: Note) -> None:
    """Move a note along with its line; one whose line is gone stays where it was, outdated."""
    place: dict[str, Any] = note.position or {}
    path = place["new_path"]
    since = repositories.lines(project.folder, place["head_sha"], latest.head, path, path)
    after = {old: new for new, old in since.items() if old} if since else None
    line = place["new_line"] if after is None else after.get(place["new_line"])
    if line is None:
        return
    whole = repositories.lines(project.folder, latest.base, latest.head, place["old_path"], path)
    if line in whole:
        note.position = {**place, **answers.refs(latest), "new_line": line, "old_line": whole[line]}


def merged(project: Project, one: Merge) -> str:
    """Merge it for real, as a person does by the button."""
    one.merged_as = repositories.merged(project.folder, one.target, one.versions[-1].head, f"Merge !{one.iid}")
    one.state = "merged"
    return one.merged_as
