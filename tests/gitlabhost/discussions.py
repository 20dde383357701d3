"""Notes and threads on merge requests."""

from __future__ import annotations

import secrets
from typing import Any

from tests.gitlabhost import answers, repositories
from tests.gitlabhost.calls import Answer, Call, Parameter, Refused, route
from tests.gitlabhost.merges import NUMBER, of
from tests.gitlabhost.quick import obeyed
from tests.gitlabhost.state import DEVELOPER, MAINTAINER, Discussion, Merge, Note, State, User

BODY = {"body": Parameter(required=True)}
POSITION = {
    "base_sha": Parameter(required=True),
    "start_sha": Parameter(required=True),
    "head_sha": Parameter(required=True),
    "position_type": Parameter(required=True, values=("text", "image", "file")),
    "new_path": Parameter(),
    "new_line": Parameter(int),
    "old_path": Parameter(),
    "old_line": Parameter(int),
}
STARTED = {**BODY, "created_at": Parameter(), "commit_id": Parameter(), "position": Parameter(dict, below=POSITION)}
SORTED = {"sort": Parameter(values=("asc", "desc")), "order_by": Parameter(values=("created_at", "updated_at"))}
LONGEST = 1_048_576


@route("GET", f"{NUMBER}/discussions", paged=True)
def listed(call: Call) -> Answer:
    return 200, [answers.discussion(call.state, one) for one in of(call).discussions]


@route("POST", f"{NUMBER}/discussions", STARTED, level=DEVELOPER)
def started(call: Call) -> Answer:
    merge, position = of(call), call.given.get("position")
    placed = _placed(call, merge, position) if position else None
    note = _note(call, merge, "DiffNote" if position else "DiscussionNote")
    note.position = placed
    thread = Discussion(secrets.token_hex(20), [note])
    merge.discussions.append(thread)
    return 201, answers.discussion(call.state, thread)


@route("PUT", f"{NUMBER}/discussions/:discussion_id", {"resolved": Parameter(bool, required=True)}, level=DEVELOPER)
def settled(call: Call) -> Answer:
    thread = next((one for one in of(call).discussions if one.id == call.path["discussion_id"]), None)
    if thread is None:
        raise Refused(404, {"message": "404 Discussion Not Found"})
    if thread.individual:
        raise Refused(403, {"message": "403 Forbidden"})
    for note in thread.notes:
        note.resolved_by = (note.resolved_by or call.token.user) if call.given["resolved"] else None
    return 200, answers.discussion(call.state, thread)


@route("GET", f"{NUMBER}/notes", SORTED, paged=True)
def notes(call: Call) -> Answer:
    found = [note for thread in of(call).discussions for note in thread.notes]
    ordered = found if call.given.get("sort") == "asc" else found[::-1]
    return 200, [answers.note(call.state, one) for one in ordered]


@route("POST", f"{NUMBER}/notes", {**BODY, "created_at": Parameter(), "internal": Parameter(bool)}, level=DEVELOPER)
def noted(call: Call) -> Answer:
    merge = of(call)
    note = _note(call, merge, None)
    merge.discussions.append(Discussion(secrets.token_hex(20), [note], individual=True))
    return 201, answers.note(call.state, note)


@route("PUT", f"{NUMBER}/notes/:note_id", BODY, level=DEVELOPER)
def rewritten(call: Call) -> Answer:
    merge, number = of(call), call.number("note_id")
    note = next((note for thread in merge.discussions for note in thread.notes if note.id == number), None)
    if note is None:
        raise Refused(404, {"message": "404 Not found"})
    if note.author != call.token.user and call.token.level < MAINTAINER:
        raise Refused(403, {"message": "403 Forbidden"})
    note.body = obeyed(merge, call.given["body"])
    return 200, answers.note(call.state, note)


def _note(call: Call, merge: Merge, kind: str | None) -> Note:
    body = obeyed(merge, call.given["body"])
    if not body.strip() or len(body) > LONGEST:
        raise Refused(400, {"message": '400 Bad request - Note {:note=>["can\'t be blank"]}'})
    return Note(call.state.new_id(), call.token.user, body, kind, call.state.now())


def _placed(call: Call, merge: Merge, position: dict[str, Any]) -> dict[str, Any]:
    """Return a position that GitLab can find in the diff that it names."""
    version = next((one for one in merge.versions if answers.refs(one).items() <= position.items()), None)
    if version is None:
        raise Refused(400, {"message": '400 Bad request - Note {:position=>["is incomplete"]}'})
    files = repositories.file_diffs(call.project.folder, version.base, version.head)
    file = next((one for one in files if one["new_path"] == position.get("new_path")), None)
    wrong = Refused(
        400, {"message": '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'}
    )
    if file is None or position.get("old_path", file["old_path"]) != file["old_path"]:
        raise wrong
    if position["position_type"] == "text" and not _stands(call, version.base, version.head, file, position):
        raise wrong
    return {"old_path": file["old_path"], "new_line": None, "old_line": None, **position}


def _stands(call: Call, base: str, head: str, file: dict[str, Any], position: dict[str, Any]) -> bool:
    """Whether an added line is named by its new number alone, an unchanged one by both, and not in a file too large."""
    lines = repositories.lines(call.project.folder, base, head, file["old_path"], file["new_path"])
    line = position.get("new_line")
    return line in lines and lines[line] == position.get("old_line")


def said(state: State, merge: Merge, author: User, body: str) -> None:
    """Have somebody say something."""
    note = Note(state.new_id(), author, body, None, state.now())
    merge.discussions.append(Discussion(secrets.token_hex(20), [note], individual=True))
