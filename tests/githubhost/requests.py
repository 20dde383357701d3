"""Pull requests and the comments on them."""

from __future__ import annotations

from typing import Any

from tests.githubhost import plumbing
from tests.githubhost.calls import Answer, Call, Handler, refuse
from tests.githubhost.world import Pull, now, number

_HEAD = {"resource": "PullRequest", "code": "custom"}


def _list(call: Call) -> Answer:
    call.need("pull_requests")
    query, owner = call.query, call.repository.owner
    found = [
        pull
        for pull in sorted(call.repository.pulls.values(), key=lambda one: -one.number)
        if query.get("state", "open") in {pull.state, "all"}
        and query.get("base", pull.target) == pull.target
        and query.get("head", _label(owner, pull)) == _label(owner, pull)
    ]
    return call.page([_shown(call, pull, call.example()[0]) for pull in found])


def _get(call: Call) -> Answer:
    call.need("pull_requests")
    return Answer(200, _shown(call, _pull(call), call.example()))


def _create(call: Call) -> Answer:
    call.need("pull_requests", "write")
    repository, told = call.repository, call.body
    head, base = told["head"].removeprefix(f"{repository.owner}:"), told["base"]
    for name, branch in (("head", head), ("base", base)):
        if not plumbing.commit(repository.folder, f"refs/heads/{branch}"):
            refuse(422, "Validation Failed", errors=[{"resource": "PullRequest", "field": name, "code": "invalid"}])
    ours = [one for one in repository.pulls.values() if one.fork is None and one.state == "open"]
    if any((one.source, one.target) == (head, base) for one in ours):
        message = f"A pull request already exists for {repository.owner}:{head}."
        refuse(422, "Validation Failed", errors=[_HEAD | {"message": message}])
    if plumbing.ahead(repository.folder, base, head)[0] == 0:
        refuse(422, "Validation Failed", errors=[_HEAD | {"message": f"No commits between {base} and {head}"}])
    made = repository.open(told["title"], head, base, told.get("body") or "")
    return Answer(201, _shown(call, made, call.example(201)))


def _update(call: Call) -> Answer:
    call.need("pull_requests", "write")
    pull = _pull(call)
    if call.body.get("state", pull.state) == "open" and pull.merged_at:
        refuse(422, "Validation Failed", errors=[_HEAD | {"message": "A merged pull request cannot be opened again"}])
    pull.state = call.body.get("state", pull.state)
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
    return Answer(200, _shown(call, pull, call.example()))


def _merge(call: Call) -> Answer:
    call.need("contents", "write")
    pull = _pull(call)
    if pull.state != "open":
        refuse(405, "Pull Request is not mergeable")
    return Answer(200, call.example() | {"sha": call.repository.merge(pull.number)})


def _pull(call: Call) -> Pull:
    pull = call.repository.pulls.get(call.number("pull_number")) or refuse(404, "Not Found")
    return call.repository.follow(pull)


def _shown(call: Call, pull: Pull, example: dict[str, Any]) -> dict[str, Any]:
    body = example | {
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": pull.state,
        "merged_at": pull.merged_at,
        "closed_at": None if pull.state == "open" else now(),
        "requested_teams": [],
        "html_url": f"{call.server.url}/{call.repository.full_name}/pull/{pull.number}",
    }
    if "merged" in body:
        body["merged"] = pull.merged_at is not None
    body["user"] = body["user"] | {"login": pull.author}
    for end, ref, commit in (("head", pull.source, pull.head), ("base", pull.target, pull.base)):
        body[end] |= {"ref": ref, "sha": commit, "label": _label(call.repository.owner, pull)}
        body[end]["repo"] |= {"id": call.repository.number, "full_name": call.repository.full_name}
    if pull.fork:
        body["head"]["repo"] |= {"id": -call.repository.number, "full_name": f"{pull.fork}/{call.repository.name}"}
    return body


def _label(owner: str, pull: Pull) -> str:
    return f"{pull.fork or owner}:{pull.source}"


def _comments(call: Call) -> Answer:
    call.need("pull_requests")
    kept = call.repository.comments.get(_issue(call), {})
    example = call.example()[0]
    return call.page([_said(call, name, text, example) for name, text in kept.items()])


def _comment(call: Call) -> Answer:
    call.need("pull_requests", "write")
    _check_length(call)
    kept, name = call.repository.comments.setdefault(_issue(call), {}), number()
    kept[name] = call.body["body"]
    return Answer(201, _said(call, name, kept[name], call.example(201)))


def _change_comment(call: Call) -> Answer:
    call.need("pull_requests", "write")
    _check_length(call)
    name = call.number("comment_id")
    kept = next((kept for kept in call.repository.comments.values() if name in kept), None)
    if kept is None:
        refuse(404, "Not Found")
    kept[name] = call.body["body"]
    return Answer(200, _said(call, name, kept[name], call.example()))


def _issue(call: Call) -> int:
    name = call.number("issue_number")
    return name if name in call.repository.pulls else refuse(404, "Not Found")


def _check_length(call: Call) -> None:
    if len(call.body["body"]) > 65_536:
        message = "Body is too long (maximum is 65536 characters)"
        refuse(
            422,
            "Validation Failed",
            errors=[{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}],
        )


def _said(call: Call, name: int, text: str, example: dict[str, Any]) -> dict[str, Any]:
    address = f"{call.server.api_url}/repos/{call.repository.full_name}/issues/comments/{name}"
    return example | {"id": name, "body": text, "url": address}


HANDLERS: dict[str, Handler] = {
    "GET /repos/{owner}/{repo}/pulls": _list,
    "POST /repos/{owner}/{repo}/pulls": _create,
    "GET /repos/{owner}/{repo}/pulls/{pull_number}": _get,
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}": _update,
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge": _merge,
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments": _comments,
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": _comment,
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": _change_comment,
}
