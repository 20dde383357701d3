from __future__ import annotations

from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import host
from tests.gitserver import git


def test_a_pull_request_of_a_fork_is_no_proposal_of_ours(github: GitHubParty) -> None:
    folder = github.clone.folder
    git("checkout", "-q", "-b", "litmus/edit-1", cwd=folder)
    github.clone.branch = "litmus/edit-1"
    github.clone.write("one.yaml", "kind: Workflow\n")
    github.clone.push()
    ours = host(github).propose("litmus/edit-1", "main", "Ours", "")
    theirs = github.repository.open("Theirs", "litmus/edit-1", "main", fork="somebody").number
    again = host(github).propose("litmus/edit-1", "main", "Ours", "")
    assert ours.number == again.number != theirs


def test_a_target_with_slashes_is_compared(github: GitHubParty) -> None:
    folder = github.clone.folder
    git("push", "-q", "origin", "HEAD:release/1.0", cwd=folder)
    base = git("rev-parse", "HEAD", cwd=folder)
    github.clone.branch = "topic"
    github.clone.write("one.yaml", "kind: Workflow\n")
    github.clone.push()
    number = github.repository.open("Into a release", "topic", "release/1.0").number
    assert base == host(github).pull(number).base
