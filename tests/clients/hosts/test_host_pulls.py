from __future__ import annotations

import pytest

from shared.errors import Forbidden, LitmusGitopsError, NotFound
from shared.model.hosting import PullRequest
from tests.clients.hosts.parties import Party, host
from tests.gitserver import git

MARK = "<!-- litmus-gitops -->"


def branch(party: Party, name: str, file: str = "one.yaml") -> tuple[str, str]:
    """Push a branch with one commit more than `main`; return where they parted, and its head."""
    base = git("rev-parse", "HEAD", cwd=party.clone.folder)
    git("checkout", "-q", "-b", name, cwd=party.clone.folder)
    party.clone.branch = name
    party.clone.write(file, "kind: Workflow\n")
    head = party.clone.push()
    git("checkout", "-q", "main", cwd=party.clone.folder)
    party.clone.branch = "main"
    return base, head


def test_a_pull_request_is_shown_with_the_commit_where_it_parted(party: Party) -> None:
    base, head = branch(party, "change")
    party.clone.push("Main goes on.")
    number = party.open("change", "main", "Change it")
    shown = host(party).pull(number)
    expected = PullRequest(number, "open", head, base, "change", "main", "Change it", shown.url, shown.author)
    assert expected == shown
    assert str(number) in shown.url


def test_a_branch_that_took_over_its_target_parted_there(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    taken = party.clone.push("Main goes on.")
    folder = party.clone.folder
    git("checkout", "-q", "change", cwd=folder)
    git("merge", "-q", "--no-edit", "main", cwd=folder)
    git("push", "-q", "origin", "change", cwd=folder)
    assert taken == host(party).pull(number).base


def test_a_merged_pull_request_still_says_what_it_changed(party: Party) -> None:
    base, head = branch(party, "change")
    number = party.open("change", "main", "Change it")
    party.merge(number)
    shown = host(party).pull(number)
    assert ("merged", base, head) == (shown.state, shown.base, shown.head)


def test_an_unknown_pull_request_is_not_found(party: Party) -> None:
    with pytest.raises(NotFound):
        host(party).pull(404)


def test_open_pull_requests_are_those_into_the_branch(party: Party) -> None:
    _, one = branch(party, "one", "one.yaml")
    _, two = branch(party, "two", "two.yaml")
    first, second = party.open("one", "main", "One"), party.open("two", "main", "Two")
    party.open("two", "one", "Elsewhere")
    assert {first: one, second: two} == host(party).open_heads("main")
    host(party).close_pull(first)
    assert {second: two} == host(party).open_heads("main")


def test_proposing_twice_makes_one_pull_request(party: Party) -> None:
    _, head = branch(party, "litmus/edit-1")
    first = host(party).propose("litmus/edit-1", "main", "Edit one", "By Ada.")
    again = host(party).propose("litmus/edit-1", "main", "Edit one", "By Ada.")
    assert first == again
    assert ("open", head, "litmus/edit-1", "main", "Edit one") == (
        first.state,
        first.head,
        first.source,
        first.target,
        first.title,
    )


def test_a_proposal_whose_answer_was_lost_is_found_again(party: Party) -> None:
    branch(party, "litmus/edit-1")
    party.fail(502, done=True)
    with pytest.raises(LitmusGitopsError):
        host(party).propose("litmus/edit-1", "main", "Edit one", "")
    found = host(party).propose("litmus/edit-1", "main", "Edit one", "")
    assert [found.number] == list(host(party).open_heads("main"))


def test_who_may_not_propose_is_told_so(party: Party) -> None:
    branch(party, "change")
    with pytest.raises(Forbidden):
        host(party, denied=True).propose("change", "main", "Change it", "")


def test_closing_twice_is_closing_once(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    host(party).close_pull(number)
    host(party).close_pull(number)
    assert "closed" == host(party).pull(number).state


def test_closing_what_is_merged_leaves_it_merged(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    party.merge(number)
    host(party).close_pull(number)
    assert "merged" == host(party).pull(number).state


def test_our_comment_is_one_and_kept_up_to_date(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    host(party).comment(number, MARK, "Hits 3 workloads.")
    host(party).comment(number, MARK, "Hits 2 workloads.")
    assert [f"{MARK}\nHits 2 workloads."] == party.comments(number)


def test_our_comment_is_found_among_many(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    party.chat(number, 130)
    host(party).comment(number, MARK, "One.")
    host(party).comment(number, MARK, "Two.")
    assert [f"{MARK}\nTwo."] == [text for text in party.comments(number) if MARK in text]
    assert 131 == len(party.comments(number))


def test_a_comment_that_is_too_long_is_cut(party: Party) -> None:
    branch(party, "change")
    number = party.open("change", "main", "Change it")
    host(party).comment(number, MARK, "long " * 300_000)
    assert party.comments(number)[0].endswith("…")


def test_a_branch_that_is_none_cannot_be_proposed(party: Party) -> None:
    with pytest.raises(LitmusGitopsError) as raised:
        host(party).propose("none", "main", "Nothing", "")
    assert not raised.value.retry
