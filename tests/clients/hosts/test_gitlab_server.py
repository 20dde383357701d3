"""The loopback GitLab itself: what GitLab would refuse must not pass here, or the other tests prove nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3
from gitlab.v4 import objects

from tests.clients.hosts.gitlab_party import LOOKER, GitLabParty
from tests.gitlabhost import hooks
from tests.gitlabhost.server import SECRET


def ask(party: GitLabParty, method: str, path: str, body: Any = None, token: str = SECRET) -> tuple[int, Any]:
    """Ask the API as anybody can."""
    headers = {"PRIVATE-TOKEN": token, "Content-Type": "application/json"}
    url = f"{party.server.url}/api/v4/projects/{party.project.id}{path}"
    with urllib3.PoolManager(retries=False, timeout=5.0) as pool:
        answer = pool.request(method, url, body=None if body is None else json.dumps(body), headers=headers)
    return answer.status, json.loads(answer.data or b"null")


HOOK = {"url": "https://portal.example.com/git/chaos"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        pytest.param("GET", "/nothing", None, 404, "Not Found", id="no-such-route"),
        pytest.param("DELETE", "/hooks", None, 405, "Not Allowed", id="not-that-method"),
        pytest.param("POST", "/hooks", {}, 400, "url is missing", id="missing"),
        pytest.param("POST", "/hooks", {**HOOK, "push_event": True}, 400, "push_event is not known", id="unknown"),
        pytest.param("POST", "/hooks", {**HOOK, "push_events": "yes"}, 400, "push_events is invalid", id="kind"),
        pytest.param("POST", "/hooks", {**HOOK, "branch_filter_strategy": "x"}, 400, "valid value", id="value"),
        pytest.param("POST", "/hooks", {"url": "ftp://example.com"}, 422, "Invalid url", id="url"),
        pytest.param("POST", "/hooks", {**HOOK, "signing_token": "x"}, 422, "signing_token", id="signing-token"),
        pytest.param("POST", "/hooks", [1], 400, "no object", id="list"),
        pytest.param("GET", "/hooks/x", None, 400, "hook_id is invalid", id="number"),
        pytest.param("GET", "/hooks/1", None, 404, "Not found", id="no-such-hook"),
        pytest.param("GET", "/merge_requests?state=open", None, 400, "valid value", id="query"),
        pytest.param("POST", "/merge_requests", {"title": "x"}, 400, "source_branch is missing", id="branch"),
        pytest.param("POST", "/statuses/main", {"state": "failure"}, 400, "valid value", id="github-s-word"),
        pytest.param("POST", "/statuses/nothing", {"state": "failed"}, 404, "Commit", id="no-such-commit"),
        pytest.param("PUT", "/merge_requests/1", {"state_event": "close"}, 404, "Not found", id="no-such-request"),
    ],
)
def test_what_gitlab_refuses_is_refused(
    gitlab: GitLabParty, method: str, path: str, body: Any, *, status: int, words: str
) -> None:
    answered, said = ask(gitlab, method, path, body)
    assert status == answered
    assert words in str(said)


@pytest.mark.parametrize(
    ("spot", "status"),
    [
        pytest.param({"new_line": 2}, 201, id="added"),
        pytest.param({"new_line": 1}, 400, id="unchanged-without-its-old-number"),
        pytest.param({"new_line": 1, "old_line": 1}, 201, id="unchanged"),
        pytest.param({"new_line": 2, "old_line": 2}, 400, id="added-with-an-old-number"),
        pytest.param({"new_line": 9}, 400, id="no-such-line"),
        pytest.param({"new_line": 2, "new_path": "other.yaml"}, 400, id="untouched-file"),
        pytest.param({"new_line": 2, "head_sha": "0" * 40}, 400, id="no-such-diff"),
        pytest.param({"new_line": 2, "position_type": "line"}, 400, id="no-such-type"),
        pytest.param({"new_line": "two"}, 400, id="no-number"),
        pytest.param({"position_type": "file"}, 201, id="file"),
    ],
)
def test_a_thread_needs_a_place_in_the_diff(gitlab: GitLabParty, spot: dict[str, Any], status: int) -> None:
    gitlab.clone.write("cart.yaml", "a: 1\n")
    gitlab.clone.push()
    gitlab.branch("change", cart="a: 1\nb: 2\n")
    number = gitlab.open("change", "main", "Change")
    _, shown = ask(gitlab, "GET", f"/merge_requests/{number}")
    place = {**shown["diff_refs"], "position_type": "text", "old_path": "cart.yaml", "new_path": "cart.yaml", **spot}
    body = {"body": "Text", "position": place}
    assert status == ask(gitlab, "POST", f"/merge_requests/{number}/discussions", body)[0]


def test_a_status_moves_as_a_job_does(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()

    def post(state: str) -> int:
        return ask(gitlab, "POST", f"/statuses/{commit}", {"state": state, "name": "x"})[0]

    expected = [201, 400, 201, 400, 400, 201, 201, 201, 400]
    assert expected == [
        post(state)
        for state in ("pending", "pending", "running", "running", "pending", "success", "success", "running", "running")
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/hooks"), ("POST", "/hooks"), ("POST", "/statuses/main"), ("POST", "/merge_requests")],
)
def test_a_token_that_may_only_look_changes_nothing(gitlab: GitLabParty, method: str, path: str) -> None:
    assert 403 == ask(gitlab, method, path, None, LOOKER)[0]
    assert 401 == ask(gitlab, method, path, None, "glpat-unknown")[0]


def test_a_moved_project_is_not_written_to_under_its_old_path(gitlab: GitLabParty) -> None:
    gitlab.server.move(gitlab.project, "ada/mayhem")
    url = f"{gitlab.server.url}/api/v4/projects/ada%2Fchaos"
    with urllib3.PoolManager(headers={"PRIVATE-TOKEN": SECRET}, retries=False) as pool:
        moved = pool.request("GET", url, redirect=False)
        assert (301, True) == (moved.status, moved.headers["Location"].endswith(f"/projects/{gitlab.project.id}"))
        assert 405 == pool.request("POST", f"{url}/statuses/main").status


def test_a_hook_takes_what_python_gitlab_knows() -> None:
    known = getattr(objects.ProjectHookManager, "_create_attrs")  # noqa: B009 - python-gitlab shows it nowhere else
    newer = {"emoji_events", "vulnerability_events"}
    assert {*known.required, *known.optional} - {"custom_headers"} == {"url", *hooks.SETTINGS} - newer
