from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from shared.clients.git import Remotes
from shared.errors import Conflict, Forbidden, Invalid, LitmusGitopsError, NotYet, Protected, Stale, Unavailable
from shared.model.experiments import Draft
from shared.model.hosting import Access
from shared.ports.git import GitRemote
from tests.clients.hosts.github_party import GitHubParty
from tests.githubhost import Fault
from tests.gitserver import git

REMOTES = Remotes()
FILE = "litmus/one.yaml"
MESSAGE = "Change one.\n\nFor the better.\n\nLitmus-Gitops-Edit: e1\n"
NEW = b"kind: Workflow\n"


def signing(party: GitHubParty) -> GitRemote:
    """Open the remote of a project that wants its commits signed."""
    known = party.access()
    return REMOTES(Access(known.url, known.credential, "github", signed=True))


def draft(changes: dict[str, bytes | None] | None = None, message: str = MESSAGE) -> Draft:
    return Draft(changes or {FILE: NEW}, message, "Ada <ada@example.com>", "2026-11-25T12:00:00Z")


def head(party: GitHubParty, branch: str = "main") -> str:
    return git("rev-parse", f"refs/heads/{branch}", cwd=party.repository.folder)


def shown(party: GitHubParty, commit: str, form: str) -> str:
    return git("show", "-s", f"--format={form}", commit, cwd=party.repository.folder)


def mutations(party: GitHubParty) -> int:
    return len([request for request in party.server.requests if request.path == "/api/graphql"])


def test_a_commit_is_made_by_github(app: GitHubParty) -> None:
    was = head(app)
    made = signing(app).commit_files("main", was, draft())
    assert made == head(app)
    assert (was, "GitHub") == (shown(app, made, "%P"), shown(app, made, "%cn"))
    assert NEW.decode().strip() == git("show", f"{made}:{FILE}", cwd=app.repository.folder)


def test_the_editor_is_named_beside_our_own_trailer(github: GitHubParty) -> None:
    made = signing(github).commit_files("main", head(github), draft())
    assert ("Change one.", "For the better.") == (
        shown(github, made, "%s"),
        shown(github, made, "%b").partition("\n\n")[0],
    )
    assert "Litmus-Gitops-Edit: e1\nCo-authored-by: Ada <ada@example.com>" == shown(github, made, "%(trailers)").strip()


@pytest.mark.parametrize("message", ["Change one.", "Change one.\n\nNo trailer here."])
def test_the_editor_is_named_where_there_is_no_trailer(github: GitHubParty, message: str) -> None:
    made = signing(github).commit_files("main", head(github), draft(message=message))
    assert "Co-authored-by: Ada <ada@example.com>" == shown(github, made, "%(trailers)").strip()


def test_files_are_added_changed_and_deleted_in_one_commit(github: GitHubParty) -> None:
    github.clone.write("litmus/old.yaml", "kind: Workflow\n")
    github.clone.write("litmus/kept.yaml", os.urandom(64))
    was = github.clone.push()
    changes = {FILE: NEW, "litmus/deep/two.yaml": os.urandom(1000), "litmus/old.yaml": None, "litmus/kept.yaml": b""}
    made = signing(github).commit_files("main", was, draft(changes))
    _, files = REMOTES(github.access()).files(made, "litmus")
    assert {FILE, "litmus/deep/two.yaml", "litmus/kept.yaml"} == set(files)
    blobs = REMOTES(github.access()).blobs(made, files.values())
    assert changes["litmus/deep/two.yaml"] == blobs[files["litmus/deep/two.yaml"]]


def test_what_changes_nothing_is_no_commit(github: GitHubParty) -> None:
    github.clone.write(FILE, NEW)
    was = github.clone.push()
    assert was == signing(github).commit_files("main", was, draft({FILE: NEW, "litmus/none.yaml": None}))
    assert 0 == mutations(github)


def test_only_what_changes_is_sent(github: GitHubParty) -> None:
    github.clone.write(FILE, NEW)
    was = github.clone.push()
    signing(github).commit_files("main", was, draft({FILE: NEW, "litmus/none.yaml": None, "litmus/two.yaml": b"x"}))
    told = github.server.requests[-1].body["variables"]["input"]["fileChanges"]
    assert (["litmus/two.yaml"], []) == ([one["path"] for one in told["additions"]], told["deletions"])


def test_a_moved_branch_is_stale(github: GitHubParty) -> None:
    was = head(github)
    github.clone.push()
    with pytest.raises(Stale):
        signing(github).commit_files("main", was, draft())


def test_a_branch_that_is_gone_is_stale(github: GitHubParty) -> None:
    remote, was = signing(github), head(github)
    git("branch", "-m", "main", "trunk", cwd=github.repository.folder)
    with pytest.raises(Stale, match="gone"):
        remote.commit_files("main", was, draft())


def test_a_new_branch_begins_on_top_of_another(github: GitHubParty) -> None:
    was = head(github)
    made = signing(github).commit_files("litmus/edit-1", None, draft(), was)
    assert (made, was) == (head(github, "litmus/edit-1"), head(github))
    assert was == shown(github, made, "%P")


def test_a_new_branch_that_is_there_already_is_stale(github: GitHubParty) -> None:
    was = head(github)
    git("branch", "litmus/edit-1", github.clone.push(), cwd=github.repository.folder)
    with pytest.raises(Stale, match="meanwhile"):
        signing(github).commit_files("litmus/edit-1", None, draft(), was)


def test_a_new_branch_of_an_earlier_try_is_gone_on_with(github: GitHubParty) -> None:
    was = head(github)
    github.server.faults.append(Fault("POST /api/graphql", 502))
    with pytest.raises(Unavailable):
        signing(github).commit_files("litmus/edit-1", None, draft(), was)
    made = signing(github).commit_files("litmus/edit-1", None, draft(), was)
    assert made == head(github, "litmus/edit-1")


def test_a_name_that_no_branch_can_have_is_refused(github: GitHubParty) -> None:
    with pytest.raises(LitmusGitopsError):
        signing(github).commit_files("no..branch", None, draft(), head(github))


def test_a_branch_cannot_begin_with_nothing(github: GitHubParty) -> None:
    with pytest.raises(Invalid, match="changes nothing"):
        signing(github).commit_files("new", None, draft({"litmus/none.yaml": None}), head(github))


def test_a_protected_branch_is_said_to_be(github: GitHubParty) -> None:
    github.repository.protect("main")
    with pytest.raises(Protected, match="through a pull request"):
        signing(github).commit_files("main", head(github), draft())


def test_who_may_not_write_is_told_so(github: GitHubParty) -> None:
    github.credential = github.server.token({"contents": "read"})
    with pytest.raises(Forbidden, match="not accessible"):
        signing(github).commit_files("main", head(github), draft())


def test_a_renamed_repository_is_committed_to_under_its_new_name(github: GitHubParty) -> None:
    remote, was = signing(github), head(github)
    github.rename("ada/mayhem")
    assert remote.commit_files("main", was, draft()) == head(github)


def test_a_link_is_not_written_through(github: GitHubParty) -> None:
    (github.clone.folder / "litmus").mkdir()
    (github.clone.folder / FILE).symlink_to("elsewhere.yaml")
    with pytest.raises(Conflict, match="no regular file"):
        signing(github).commit_files("main", github.clone.push(), draft())
    assert 0 == mutations(github)


def test_an_empty_repository_begins_by_git(github: GitHubParty) -> None:
    git("update-ref", "-d", "refs/heads/main", cwd=github.repository.folder)
    made = signing(github).commit_files("main", None, draft())
    assert (made, "") == (head(github), shown(github, made, "%P"))


def test_notes_are_written_by_git(github: GitHubParty) -> None:
    was = head(github)
    assert signing(github).note(was, lambda _: "Score 100\n", datetime.now(UTC))
    assert "Score 100" == git("notes", "--ref", "litmus", "show", was, cwd=github.repository.folder)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("RATE_LIMITED", NotYet), ("INTERNAL", Unavailable), (None, Unavailable)],
)
def test_a_refusal_in_graphql_is_told_by_its_type(
    github: GitHubParty, kind: str | None, error: type[LitmusGitopsError]
) -> None:
    told = {"message": "Something went wrong"} if kind is None else {"message": "Something went wrong", "type": kind}
    github.server.faults.append(Fault("POST /api/graphql", 200, {"data": None, "errors": [told]}))
    with pytest.raises(error, match="Something went wrong"):
        signing(github).commit_files("main", head(github), draft())


def test_an_app_logs_in_over_https_whatever_the_address_says(app: GitHubParty) -> None:
    access = Access("git@127.0.0.1:ada/chaos.git", app.credential, "github", api_url=app.server.api_url)
    with pytest.raises(Unavailable, match=r"the git host 127\.0\.0\.1 does not answer"):
        Remotes(("false",))(access).head("main")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": {"createCommitOnBranch": null}}', b"<html>"])
def test_an_answer_without_a_commit_is_none(github: GitHubParty, body: bytes) -> None:
    github.server.faults.append(Fault("POST /api/graphql", 200, body))
    with pytest.raises(Unavailable, match="something else than GitHub does"):
        signing(github).commit_files("main", head(github), draft())
