from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import Invalid, NotYet
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import host
from tests.gitlabhost import Fault
from tests.gitlabhost.state import User
from tests.gitserver import git


def test_a_merge_request_whose_diff_is_being_made_comes_later(gitlab: GitLabParty) -> None:
    gitlab.server.state.preparing = True
    gitlab.branch("change", cart="kind: Workflow\n")
    with pytest.raises(NotYet):
        host(gitlab).propose("change", "main", "Edit", "")
    with pytest.raises(NotYet):
        host(gitlab).pull(1)
    assert [1] == list(host(gitlab).open_heads("main"))
    gitlab.server.prepare(gitlab.project)
    assert 1 == host(gitlab).propose("change", "main", "Edit", "").number


def test_a_merge_request_that_changes_nothing_parted_at_its_head(gitlab: GitLabParty) -> None:
    head = gitlab.branch("change", cart="kind: Workflow\n")
    number = gitlab.open("change", "main", "Edit")
    gitlab.project.merges[number].versions.clear()
    shown = host(gitlab).pull(number)
    assert (head, head) == (shown.base, shown.head)


def test_a_refused_proposal_says_why(gitlab: GitLabParty) -> None:
    with pytest.raises(Invalid, match="does not exist"):
        host(gitlab).propose("nowhere", "main", "Edit", "")


def test_a_new_token_is_another_user_to_gitlab(gitlab: GitLabParty) -> None:
    gitlab.server.add_token("glpat-new", User(77, "project_1_bot_2"))
    gitlab.branch("change", cart="kind: Workflow\n")
    number = gitlab.open("change", "main", "Change")
    host(gitlab).comment(number, "<!-- ours -->", "One")
    gitlab.login = "glpat-new"
    host(gitlab).comment(number, "<!-- ours -->", "Two")
    assert ["<!-- ours -->\nOne", "<!-- ours -->\nTwo"] == gitlab.comments(number)


def test_a_proposal_takes_no_fork_s_merge_request_for_its_own(gitlab: GitLabParty, tmp_path: Path) -> None:
    gitlab.branch("change", cart="kind: Workflow\n")
    fork = tmp_path / "fork.git"
    git("clone", "-q", "--bare", str(gitlab.project.folder), str(fork))
    theirs = gitlab.server.from_fork(gitlab.project, fork, "change")
    assert theirs.iid != host(gitlab).propose("change", "main", "Edit", "").number


def test_a_title_that_is_too_long_for_gitlab_is_cut(gitlab: GitLabParty) -> None:
    gitlab.branch("change", cart="kind: Workflow\n")
    assert "x" * 254 + "…" == host(gitlab).propose("change", "main", "x" * 300, "").title


def test_one_that_was_opened_meanwhile_is_taken(gitlab: GitLabParty) -> None:
    gitlab.branch("change", cart="kind: Workflow\n")
    number = gitlab.open("change", "main", "By Ada")
    gitlab.server.fail(Fault(200, "/merge_requests$", "GET", body=b"[]"))
    assert number == host(gitlab).propose("change", "main", "Edit", "").number


def test_one_that_gitlab_takes_for_another_and_does_not_show_is_refused(gitlab: GitLabParty) -> None:
    gitlab.branch("change", cart="kind: Workflow\n")
    gitlab.open("change", "main", "By Ada")
    gitlab.server.fail(Fault(200, "/merge_requests$", "GET", body=b"[]", times=2))
    with pytest.raises(Invalid, match="Another open merge request"):
        host(gitlab).propose("change", "main", "Edit", "")
