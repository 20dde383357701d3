"""The judge of the loopback GitHub: what GitHub would refuse is a problem, and so is an answer that is none of its."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.apps import Fixed
from shared.clients.hosts.github.calls import Calls
from shared.clients.hosts.web import Pools, Waiting
from shared.errors import LitmusGitopsError
from shared.model.proxies import Proxies
from tests.clients.hosts.github_party import GitHubParty
from tests.githubhost import graphql
from tests.githubhost.description import described
from tests.octokit import octokit

HOOK = {"name": "web", "config": {"url": "https://portal.example.com"}, "events": ["push"]}
RUN = {"name": "litmus", "head_sha": "0" * 40, "output": {"title": "Title", "summary": "Summary"}}
NOTE = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Look."}
REPOSITORY = "/repos/ada/chaos"


def noted(**changed: Any) -> dict[str, Any]:
    """Return a check run with one annotation."""
    return {**RUN, "output": {**RUN["output"], "annotations": [{**NOTE, **changed}]}}  # type: ignore[dict-item]


GOOD = [
    pytest.param("GET", REPOSITORY, {}, None, id="read"),
    pytest.param("POST", f"{REPOSITORY}/hooks", {}, HOOK, id="hook"),
    pytest.param("POST", f"{REPOSITORY}/check-runs", {}, noted(), id="annotation"),
    pytest.param("GET", f"{REPOSITORY}/compare/release/1.0...topic", {"per_page": "1"}, None, id="slashes"),
    pytest.param("POST", f"{REPOSITORY}/statuses/abc", {}, {"state": "error", "target_url": None}, id="nullable"),
]

BAD = [
    pytest.param("POST", f"{REPOSITORY}/statuses/abc", {}, {"state": "green"}, "state: 'green' is not one", id="enum"),
    pytest.param("POST", f"{REPOSITORY}/statuses/abc", {}, {}, "'state' is a required", id="missing"),
    pytest.param("POST", f"{REPOSITORY}/statuses/abc", {}, None, "body is missing", id="no-body"),
    pytest.param(
        "POST", f"{REPOSITORY}/statuses/abc", {}, {"state": "error", "body": ""}, "no field body", id="unread"
    ),
    pytest.param("POST", f"{REPOSITORY}/hooks", {}, {**HOOK, "events": "push"}, "events: 'push' is not", id="type"),
    pytest.param("POST", f"{REPOSITORY}/hooks", {}, {**HOOK, "secret": "s"}, "Additional properties", id="additional"),
    pytest.param("POST", f"{REPOSITORY}/hooks/7/pings", {}, {"now": True}, "takes no body", id="body"),
    pytest.param("PATCH", f"{REPOSITORY}/hooks/seven", {}, {}, "hook_id: 'seven' is not", id="path-type"),
    pytest.param("GET", f"{REPOSITORY}/pulls", {"status": "open"}, None, "no parameter 'status'", id="parameter"),
    pytest.param(
        "GET", f"{REPOSITORY}/pulls", {"state": "merged"}, None, "state: 'merged' is not", id="parameter-enum"
    ),
    pytest.param("GET", f"{REPOSITORY}/pulls", {"page": "next"}, None, "page: 'next' is not", id="parameter-type"),
    pytest.param(
        "POST",
        f"{REPOSITORY}/check-runs",
        {},
        noted(level="info"),
        "no field output/annotations/level",
        id="deep-unread",
    ),
    pytest.param("POST", f"{REPOSITORY}/check-runs", {}, noted(start_line="1"), "start_line: '1' is", id="deep-type"),
    pytest.param("POST", f"{REPOSITORY}/check-runs", {}, {**RUN, "started_at": "now"}, "'now' is not a", id="format"),
]


def judged(method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
    """Return what GitHub's description has against a call."""
    operation = described(octokit("openapi")).operation(method, path)
    assert operation is not None
    return operation.refused(query, body)


@pytest.mark.parametrize(("method", "path", "query", "body"), GOOD)
def test_what_github_takes_is_no_problem(method: str, path: str, query: dict[str, str], body: Any) -> None:
    assert [] == judged(method, path, query, body)


@pytest.mark.parametrize(("method", "path", "query", "body", "problem"), BAD)
def test_what_github_would_refuse_is_one(
    method: str, path: str, query: dict[str, str], body: Any, problem: str
) -> None:
    (found,) = judged(method, path, query, body)
    assert problem in found


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"{REPOSITORY}/webhooks"), ("PUT", f"{REPOSITORY}/hooks/7"), ("GET", "/repos/ada")],
)
def test_what_github_has_not_is_no_operation(method: str, path: str) -> None:
    assert described(octokit("openapi")).operation(method, path) is None


@pytest.mark.parametrize(
    ("changed", "status", "problem"),
    [
        pytest.param({"full_name": None}, 200, "full_name: None is not of type", id="type"),
        pytest.param({"default_branch": 1}, 200, "default_branch: 1 is not", id="another-type"),
        pytest.param({}, 207, "never answers this with status 207", id="status"),
    ],
)
def test_an_answer_that_is_none_of_githubs_is_a_problem(changed: dict[str, Any], status: int, problem: str) -> None:
    operation = described(octokit("openapi")).operation("GET", REPOSITORY)
    assert operation is not None
    good = {name: value for name, value in operation.example(200).items() if name not in {"source", "parent"}}
    good |= {"language": None}
    assert [] == operation.unlike(200, good)
    assert any(problem in found for found in operation.unlike(status, {**good, **changed}))


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [("GET", f"{REPOSITORY}/statuses", None), ("POST", f"{REPOSITORY}/hooks", {"name": "web", "event": ["push"]})],
    ids=["path", "field"],
)
def test_a_client_that_github_would_refuse_fails_its_test(tmp_path: Path, verb: str, path: str, body: Any) -> None:
    party = GitHubParty(tmp_path)
    where = Address(party.server.api_url, "ada", "chaos")
    with pytest.raises(LitmusGitopsError):
        Calls(where.api, Pools(Proxies(), Waiting()).line(where.api, None), Fixed(party.access().credential)).tell(
            verb, path, body
        )
    party.stop()
    with pytest.raises(AssertionError):
        party.judge()


MUTATION = "mutation M($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
INPUT = {
    "branch": {"repositoryNameWithOwner": "ada/chaos", "branchName": "main"},
    "expectedHeadOid": "0" * 40,
    "message": {"headline": "Change."},
    "fileChanges": {"additions": [{"path": "a", "contents": ""}]},
}


@pytest.mark.parametrize(
    ("query", "given", "problem"),
    [
        pytest.param(MUTATION, INPUT, "", id="good"),
        pytest.param(MUTATION.replace("{ oid }", "{ sha }"), INPUT, "Cannot query field 'sha'", id="field"),
        pytest.param(MUTATION.replace("createCommit", "makeCommit"), INPUT, "Cannot query field 'make", id="mutation"),
        pytest.param(MUTATION, {**INPUT, "author": "Ada"}, "'author'", id="unknown-input"),
        pytest.param(MUTATION, {**INPUT, "expectedHeadOid": None}, "expectedHeadOid", id="missing-input"),
        pytest.param("mutation {", INPUT, "Syntax Error", id="syntax"),
    ],
)
def test_graphql_is_held_to_githubs_schema(query: str, given: dict[str, Any], problem: str) -> None:
    known = graphql.schema(octokit("graphql-schema"))
    found = graphql.refused(known, {"query": query, "variables": {"input": given}})
    assert bool(problem) == bool(found)
    assert problem in "".join(found)


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_what_is_not_installed_is_skipped_with_the_mend_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"run `make \.venv/npm-installed`"):
        octokit("none")
