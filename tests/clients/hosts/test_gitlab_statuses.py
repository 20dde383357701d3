from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import Forbidden, NotFound, NotYet
from shared.model.hosting import Access, CommitStatus
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import host, opened
from tests.gitlabhost import Fault
from tests.gitlabhost.server import SECRET
from tests.gitlabhost.state import DEVELOPER, Pipeline, User
from tests.gitserver import git

PENDING = CommitStatus("litmus/chaos", "pending", "0 of 2 runs")
DONE = CommitStatus("litmus/chaos", "success", "Score 100")


def test_what_is_pending_takes_one_new_description_and_saying_it_again_is_no_error(gitlab: GitLabParty) -> None:
    commit, access = gitlab.clone.push(), host(gitlab)
    for description in ("0 of 2 runs", "1 of 2 runs", "1 of 2 runs", "2 of 2 runs"):
        access.set_status(commit, CommitStatus("litmus/chaos", "pending", description))
    assert [CommitStatus("litmus/chaos", "pending", "1 of 2 runs")] == gitlab.statuses(commit)


def test_a_settled_commit_can_be_pending_again(gitlab: GitLabParty) -> None:
    commit, access = gitlab.clone.push(), host(gitlab)
    for status in (PENDING, DONE, DONE, PENDING):
        access.set_status(commit, status)
    assert [PENDING] == gitlab.statuses(commit)


def test_contexts_stand_side_by_side(gitlab: GitLabParty) -> None:
    commit, access = gitlab.clone.push(), host(gitlab)
    access.set_status(commit, DONE)
    access.set_status(commit, CommitStatus("litmus/files", "failure", "1 of 3 files is invalid"))
    assert [("litmus/files", "failure"), ("litmus/chaos", "success")] == [
        (one.context, one.state) for one in gitlab.statuses(commit)
    ]


def test_a_status_stands_in_the_newest_pipeline_of_its_commit(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    gitlab.project.pipelines.append(Pipeline(1, commit, "refs/merge-requests/1/head", "merge_request_event"))
    host(gitlab).set_status(commit, DONE)
    assert [(1, ["litmus/chaos"])] == [
        (line.id, [one.name for one in line.statuses]) for line in gitlab.project.pipelines
    ]


def test_the_head_of_a_fork_s_merge_request_takes_a_status(gitlab: GitLabParty, tmp_path: Path) -> None:
    fork = tmp_path / "fork.git"
    git("clone", "-q", "--bare", str(gitlab.project.folder), str(fork))
    git("remote", "set-url", "origin", str(fork), cwd=gitlab.clone.folder)
    commit = gitlab.branch("change", cart="kind: Workflow\n")
    gitlab.server.from_fork(gitlab.project, fork, "change")
    host(gitlab).set_status(commit, DONE)
    assert [DONE] == gitlab.statuses(commit)
    assert ["refs/merge-requests/1/head"] == [line.ref for line in gitlab.project.pipelines]


def test_a_commit_that_no_branch_has_any_more_is_not_found(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    git("reset", "-q", "--hard", "HEAD~1", cwd=gitlab.clone.folder)
    gitlab.clone.push("Another.", "--force")
    with pytest.raises(NotFound, match="References for commit"):
        host(gitlab).set_status(commit, DONE)


def test_an_address_that_is_too_long_for_gitlab_is_left_out(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    host(gitlab).set_status(commit, CommitStatus("litmus/chaos", "success", "", f"https://example.com/{'x' * 250}"))
    assert [None] == [one.url for one in gitlab.statuses(commit)]


def test_a_developer_s_token_may_not_judge_a_protected_branch(gitlab: GitLabParty) -> None:
    gitlab.server.add_token("glpat-developer", User(12, "developer"), level=DEVELOPER)
    access = Access(gitlab.server.address(gitlab.project), "glpat-developer", "gitlab")
    with pytest.raises(Forbidden, match="Maintainer"):
        opened(access).set_status(gitlab.clone.push(), DONE)


def test_a_status_that_gitlab_is_busy_with_is_set_later(gitlab: GitLabParty) -> None:
    gitlab.server.fail(Fault(409, "/statuses/", "POST", body=b'{"message":"in progress"}'))
    with pytest.raises(NotYet):
        host(gitlab).set_status(gitlab.clone.push(), DONE)


@pytest.mark.parametrize("login", [SECRET, f"ada:{SECRET}", f"oauth2:{SECRET}"], ids=["token", "user", "oauth2"])
def test_a_token_is_taken_in_every_spelling(gitlab: GitLabParty, login: str) -> None:
    access = Access(gitlab.server.address(gitlab.project), login, "gitlab")
    assert "ada/chaos" == opened(access).repository().name
