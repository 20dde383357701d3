"""Repositories, refs, comparisons, and what is said of commits."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.githubhost import plumbing
from tests.githubhost.calls import Answer, Call, Handler, refuse
from tests.githubhost.world import Repository, now, number


def _repository(call: Call) -> Answer:
    call.need("metadata")
    whole = {name: value for name, value in call.example().items() if name not in {"source", "parent"}}
    return Answer(200, whole | {"language": None} | _named(call, call.repository))


def _named(call: Call, repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.number,
        "name": repository.name,
        "full_name": repository.full_name,
        "html_url": f"{call.server.url}/{repository.full_name}",
        "clone_url": f"{call.server.url}/{repository.full_name}.git",
        "url": f"{call.server.api_url}/repos/{repository.full_name}",
        "default_branch": "main",
        "archived": repository.archived,
    }


def _compare(call: Call) -> Answer:
    call.need("contents")
    folder = call.repository.folder
    ends = [unquote(end) for end in call.values["basehead"].split("...")]
    one, other = [plumbing.commit(folder, end) for end in ends] if len(ends) == 2 else ("", "")
    base = plumbing.merge_base(folder, one, other) if one and other else None
    if base is None:
        refuse(404, "Not Found" if not (one and other) else f"No common ancestor between {one} and {other}.")
    ahead, behind = plumbing.ahead(folder, one, other)
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    body = call.example() | {"ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "commits": [], "files": []}
    body["merge_base_commit"]["sha"], body["base_commit"]["sha"] = base, one
    return Answer(200, body | {"status": status[bool(ahead), bool(behind)]})


def _create_ref(call: Call) -> Answer:
    call.need("contents", "write")
    folder, ref, commit = call.repository.folder, call.body["ref"], call.body["sha"]
    if not ref.startswith("refs/") or ref.count("/") < 2:
        refuse(422, "Reference name must start with 'refs/' and have at least two slashes.")
    if not plumbing.commit(folder, commit):
        refuse(422, "Object does not exist")
    if not plumbing.moved(folder, ref, commit, None):
        refuse(422, "Reference already exists")
    body = call.example(201)
    body["object"]["sha"] = commit
    return Answer(201, body | {"ref": ref})


def _ref(call: Call) -> Answer:
    call.need("contents")
    commit = plumbing.commit(call.repository.folder, f"refs/{call.values['ref']}") or refuse(404, "Not Found")
    body = call.example()
    body["object"]["sha"] = commit
    return Answer(200, body | {"ref": f"refs/{call.values['ref']}"})


def _create_status(call: Call) -> Answer:
    call.need("statuses", "write")
    commit = _known(call, call.values["sha"])
    if len(call.body.get("description") or "") > 140:
        refuse(
            422,
            "Validation Failed",
            errors=[
                {
                    "resource": "Status",
                    "code": "custom",
                    "message": "description is too long (maximum is 140 characters)",
                }
            ],
        )
    if not str(call.body.get("target_url") or "http").startswith("http"):
        refuse(
            422,
            "Validation Failed",
            errors=[{"resource": "Status", "code": "custom", "message": "target_url must use http(s)"}],
        )
    told = {name: call.body.get(name) for name in ("state", "context", "description", "target_url")}
    body = call.example(201) | told | {"id": number(), "created_at": now(), "updated_at": now()}
    call.repository.statuses.setdefault(commit, []).insert(0, body)
    return Answer(201, body)


def _create_check(call: Call) -> Answer:
    _only_apps(call)
    commit = _known(call, call.body["head_sha"])
    run = call.example(201) | {"id": number(), "head_sha": commit, "external_id": "", "conclusion": None}
    run |= {"started_at": now(), "completed_at": None, "status": "queued", "details_url": None, "pull_requests": []}
    run["output"] = {
        "title": None,
        "summary": None,
        "text": None,
        "annotations_count": 0,
        "annotations_url": run["url"],
    }
    run["app"] = run["app"] | {"id": call.token.app}
    call.repository.checks.append(run)
    return Answer(201, _checked(call, run))


def _update_check(call: Call) -> Answer:
    _only_apps(call)
    run = next((one for one in call.repository.checks if one["id"] == call.number("check_run_id")), None)
    if run is None:
        refuse(404, "Not Found")
    if run["app"]["id"] != call.token.app:
        refuse(
            403,
            f"Invalid app_id `{call.token.app}` - check run can only be modified by the GitHub App that created it.",
        )
    return Answer(200, _checked(call, run))


def _checked(call: Call, run: dict[str, Any]) -> dict[str, Any]:
    """Change a run: annotations are added to those that are there, and none is ever taken away."""
    told = {name: value for name, value in call.body.items() if name not in {"output", "head_sha", "actions"}}
    if told.get("status") == "completed" and "conclusion" not in told:
        refuse(422, 'Invalid request.\n\nNo subschema in "anyOf" matched.')
    if "conclusion" in told:
        told |= {"status": "completed", "completed_at": now()}
    elif "status" in told:
        told |= {"conclusion": None, "completed_at": None}
    output = call.body.get("output")
    if output:
        noted = call.repository.annotations.setdefault(run["id"], [])
        _check_annotations(output.get("annotations", []))
        noted += output.get("annotations", [])
        run["output"] |= {"title": output.get("title"), "summary": output["summary"], "annotations_count": len(noted)}
    run |= told
    return run


def _check_annotations(annotations: list[dict[str, Any]]) -> None:
    for one in annotations:
        if "start_column" in one and one["start_line"] != one["end_line"]:
            refuse(422, "Invalid request.\n\nColumns are for annotations of a single line.")
        if one["start_line"] < 1 or one["path"].startswith("/"):
            refuse(422, "Invalid request.\n\nAnnotations start at line 1 of a path inside the repository.")


def _checks(call: Call) -> Answer:
    call.need("checks")
    commit, query = _known(call, call.values["ref"]), call.query
    found = [
        run
        for run in reversed(call.repository.checks)
        if run["head_sha"] == commit
        and query.get("check_name", run["name"]) == run["name"]
        and query.get("app_id", str(run["app"]["id"])) == str(run["app"]["id"])
    ]
    if query.get("filter", "latest") == "latest":
        newest: dict[Any, Any] = {}
        for run in found:
            newest.setdefault((run["name"], run["app"]["id"]), run)
        found = list(newest.values())
    return call.page(found, "check_runs")


def _only_apps(call: Call) -> None:
    if call.token.kind == "classic":
        refuse(403, "You must authenticate via a GitHub App.")
    if call.token.kind == "fine-grained":
        refuse(
            403, "Resource not accessible by personal access token", {"x-accepted-github-permissions": "checks=write"}
        )
    call.need("checks", "write")


def _known(call: Call, commit: str) -> str:
    return plumbing.commit(call.repository.folder, commit) or refuse(422, f"No commit found for SHA: {commit}")


HANDLERS: dict[str, Handler] = {
    "GET /repos/{owner}/{repo}": _repository,
    "GET /repos/{owner}/{repo}/compare/{basehead}": _compare,
    "POST /repos/{owner}/{repo}/git/refs": _create_ref,
    "GET /repos/{owner}/{repo}/git/ref/{ref}": _ref,
    "POST /repos/{owner}/{repo}/statuses/{sha}": _create_status,
    "POST /repos/{owner}/{repo}/check-runs": _create_check,
    "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}": _update_check,
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs": _checks,
}
