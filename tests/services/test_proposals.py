"""Edits by pull request, on the loopback GitHub: one request an experiment, until people merge or close it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, Forbidden, Overlap
from shared.model.messages import Message
from shared.rules.edits import blob_id
from tests.clients.hosts.github_party import GitHubParty
from tests.githubhost import Fault, GitHubServer
from tests.githubhost.world import Repository
from tests.gitserver import git
from tests.services.forge import Forge
from tests.services.gitops import ADA, FOLDER, engine

BASE = engine("cart", "L")
MINE = BASE.replace("litmus-admin", "mine")
MORE = MINE.replace("pod-delete", "pod-cpu-hog")
GIT = BASE.replace("pod-delete", "pod-cpu-hog")
PATH = f"{FOLDER}/cart.yaml"


class OnGitHub(Forge):
    """The shop on GitHub, whose server is looked into and given faults."""

    party: GitHubParty

    @property
    def github(self) -> GitHubServer:
        """The server."""
        return self.party.server

    @property
    def repository(self) -> Repository:
        """The repository as GitHub holds it."""
        return self.party.repository


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[OnGitHub]:
    """The project with one synced experiment, `L` in cart.yaml."""
    made = OnGitHub(tmp_path)
    made.write(cart=BASE)
    made.push()
    made.work()
    yield made
    made.close()


def saved(forge: OnGitHub, text: str, base: str | None = None) -> int:
    """Save `L` and return the pull request that it waits for."""
    found = forge.edits.save("shop", "L", text.encode(), base, ADA)
    assert (None, "pending") == (found.commit, found.experiment.state)
    assert found.pull is not None
    return found.pull


def test_an_edit_is_a_commit_on_its_own_branch_and_a_pull_request(forge: OnGitHub) -> None:
    head = forge.head()
    number = saved(forge, MINE)
    [edit] = forge.open_edits()
    [branch] = forge.branches()
    pull = forge.repository.pulls[number]
    assert (f"litmus-gitops/{edit.id}", "main", f"Change {PATH}") == (pull.source, pull.target, pull.title)
    assert (branch, head, BASE) == (pull.source, forge.head(), forge.shown("cart"))
    said = git(
        "log", "-1", "--format=%an <%ae>|%P|%(trailers:key=Litmus-Gitops-Edit,valueonly)", branch, cwd=forge.bare
    )
    assert f"{ADA}|{head}|{edit.id}" == said.strip()
    assert (MINE, "proposed", number) == (forge.text_on(branch), edit.state, edit.pull)
    assert ("Ada" in pull.body, edit.id in pull.body) == (True, True)


def test_its_experiment_is_pending_and_names_the_pull_request(forge: OnGitHub) -> None:
    number = saved(forge, MINE)
    shown, row = forge.experiments()["cart"], forge.ledger("edit")[-1]
    assert ("pending", number, blob_id(BASE.encode())) == (shown.state, shown.pull, shown.blob)
    assert ("proposed", str(number)) == (row.verdict, next(link.id for link in row.links if link.rel == "pull"))
    forge.sync()
    assert ("pending", number) == (forge.experiments()["cart"].state, forge.experiments()["cart"].pull)


def test_a_merge_ends_the_edit_and_shows_its_text(forge: OnGitHub) -> None:
    forge.merged(saved(forge, MINE))
    shown, row = forge.experiments()["cart"], forge.ledger("edit")[-1]
    assert ("synced", None, blob_id(MINE.encode())) == (shown.state, shown.pull, shown.blob)
    assert ([], MINE, "committed") == (forge.open_edits(), forge.shown("cart"), row.verdict)


def test_a_text_that_reviewers_changed_is_shown_as_they_left_it(forge: OnGitHub) -> None:
    number = saved(forge, MINE)
    [branch] = forge.branches()
    folder = forge.person.folder
    git("fetch", "-q", "origin", branch, cwd=folder)
    git("checkout", "-q", "-b", "review", "FETCH_HEAD", cwd=folder)
    forge.write(cart=MORE)
    git("commit", "-qam", "Review.", cwd=folder)
    git("push", "-q", "origin", f"HEAD:{branch}", cwd=folder)
    forge.merged(number)
    shown = forge.experiments()["cart"]
    assert ("synced", blob_id(MORE.encode()), []) == (shown.state, shown.blob, forge.open_edits())


def test_closing_drops_the_edit_and_says_so(forge: OnGitHub) -> None:
    number = saved(forge, MINE)
    forge.closed(number)
    shown, row = forge.experiments()["cart"], forge.ledger("edit")[-1]
    assert ("synced", None, []) == (shown.state, shown.pull, forge.open_edits())
    assert ("closed", f"pull request #{number} was closed without being merged: the edit is dropped") == (
        row.verdict,
        row.reason,
    )


def test_a_new_experiment_is_shown_until_its_request_is_closed(forge: OnGitHub) -> None:
    made = forge.edits.save("shop", None, engine("new").encode(), None, ADA)
    assert ("pending", "") == (forge.experiments()["new"].state, forge.experiments()["new"].commit)
    assert made.pull
    forge.closed(made.pull)
    assert {"cart"} == set(forge.experiments())


def test_a_new_experiment_keeps_its_id_when_its_request_is_merged(forge: OnGitHub) -> None:
    made = forge.edits.save("shop", None, engine("new").encode(), None, ADA)
    assert made.pull
    forge.merged(made.pull)
    assert (made.experiment.id, "synced") == (forge.experiments()["new"].id, forge.experiments()["new"].state)


def test_a_removal_and_a_rename_go_by_pull_request_too(forge: OnGitHub) -> None:
    moved = forge.edits.rename("shop", "L", f"{FOLDER}/moved.yaml", ADA)
    assert moved.pull
    forge.merged(moved.pull)
    assert {"moved": "L"} == {name: one.id for name, one in forge.experiments().items()}
    gone = forge.edits.delete("shop", "L", None, ADA)
    assert gone.pull
    forge.merged(gone.pull)
    assert ({}, []) == (forge.experiments(), forge.open_edits())


def test_a_further_edit_goes_onto_the_same_branch(forge: OnGitHub) -> None:
    first = saved(forge, MINE)
    assert first == saved(forge, MORE, blob_id(MINE.encode())) == saved(forge, MORE)
    [branch] = forge.branches()
    assert ([first], MORE) == (list(forge.repository.pulls), forge.text_on(branch))
    forge.merged(first)
    assert ("synced", [], MORE) == (forge.experiments()["cart"].state, forge.open_edits(), forge.shown("cart"))


def test_a_further_edit_that_did_not_see_the_first_is_merged_with_it(forge: OnGitHub) -> None:
    saved(forge, MINE)
    saved(forge, GIT, blob_id(BASE.encode()))
    assert MORE == forge.text_on(forge.branches()[0])
    with pytest.raises(Overlap, match="was changed in git since it was read"):
        forge.edits.save("shop", "L", BASE.replace("litmus-admin", "x").encode(), blob_id(BASE.encode()), ADA)


def test_a_further_edit_goes_onto_the_branch_even_by_commit(forge: OnGitHub) -> None:
    first = saved(forge, MINE)
    forge.configure(write_back="commit")
    assert first == saved(forge, MORE)
    assert BASE == forge.shown("cart")


def test_experiments_have_a_request_each(forge: OnGitHub) -> None:
    forge.write(other=engine("other", "O"))
    forge.push()
    forge.work()
    first = saved(forge, MINE)
    second = forge.edits.save("shop", "O", engine("other", "O", "x").encode(), None, ADA).pull
    assert (2, True) == (len(forge.branches()), first != second)
    forge.merged(first)
    assert {"cart": "synced", "other": "pending"} == {name: one.state for name, one in forge.experiments().items()}


@pytest.mark.parametrize("end", ["merged", "closed"])
def test_an_edit_after_the_end_of_a_request_begins_another(forge: OnGitHub, end: str) -> None:
    first = saved(forge, MINE)
    if end == "merged":
        forge.party.merge(first)
    else:
        forge.repository.pulls[first].state = "closed"
    assert first != saved(forge, MORE, blob_id(MINE.encode()))
    assert (1, 2) == (len(forge.open_edits()), len(forge.repository.pulls))


def test_an_edit_that_came_too_late_for_a_merge_sets_out_again(forge: OnGitHub) -> None:
    """The request was merged between our look at it and our push: its branch moved on, the merge did not."""
    first = saved(forge, MINE)
    pull = forge.repository.pulls[first]
    merged = git("rev-parse", pull.source, cwd=forge.bare)
    assert first == saved(forge, MORE)
    git("update-ref", f"refs/heads/{pull.source}", merged, cwd=forge.bare)
    forge.party.merge(first)
    forge.hear(first)
    forge.clock.advance(120)
    forge.work()
    [edit] = forge.open_edits()
    assert ("proposed", True, MINE) == (edit.state, edit.pull != first, forge.shown("cart"))
    assert MORE == forge.text_on(edit.branch or "")


@pytest.mark.parametrize("end", ["merged", "closed"])
def test_a_lost_delivery_is_healed_by_the_timer(forge: OnGitHub, end: str) -> None:
    number = saved(forge, MINE)
    forge.tick()
    assert ["proposed"] == [edit.state for edit in forge.open_edits()]
    if end == "merged":
        forge.party.merge(number)
    else:
        forge.repository.pulls[number].state = "closed"
    forge.tick()
    assert ([], "synced") == (forge.open_edits(), forge.experiments()["cart"].state)
    assert (MINE if end == "merged" else BASE) == forge.shown("cart")


def test_without_proposals_the_timer_asks_nothing_of_the_api(forge: OnGitHub) -> None:
    forge.github.requests.clear()
    forge.tick()
    assert [] == forge.github.requests


@pytest.mark.parametrize("gone", ["deleted", "another's"])
def test_an_edit_whose_request_is_not_there_sets_out_again(forge: OnGitHub, gone: str) -> None:
    """As after the project's repository was exchanged for another one, whose numbers mean other requests."""
    number = saved(forge, MINE)
    old = forge.repository.pulls.pop(number)
    if gone == "another's":
        git("branch", "theirs", "main", cwd=forge.bare)
        assert number == forge.repository.open("Theirs", "theirs", "main").number
        forge.repository.pulls[number].state = "closed"
    forge.hear(number)
    forge.clock.advance(120)
    forge.tick()
    [edit] = forge.open_edits()
    assert ("proposed", old.source) == (edit.state, edit.branch)
    assert ("open", old.source) == ((new := forge.repository.pulls[edit.pull or 0]).state, new.source)


@pytest.mark.parametrize("settings", [{"enabled": False}, {"provider": "git"}, {}])
def test_a_message_about_nothing_does_nothing(forge: OnGitHub, settings: dict[str, object]) -> None:
    number = saved(forge, MINE)
    forge.party.merge(number)
    forge.configure(**settings)
    forge.hear(number if settings else 99)
    assert ["proposed"] == [edit.state for edit in forge.open_edits()]


def test_while_github_is_away_an_edit_waits_and_is_proposed_later(forge: OnGitHub) -> None:
    forge.github.stop()
    assert forge.edits.save("shop", "L", MINE.encode(), None, ADA).pull is None
    assert "pending" == forge.experiments()["cart"].state
    forge.github.start()
    forge.clock.advance(120)
    forge.work()
    assert (["proposed"], MINE) == ([edit.state for edit in forge.open_edits()], forge.text_on(forge.branches()[0]))


def test_a_request_that_could_not_be_opened_is_opened_later_from_the_same_commit(forge: OnGitHub) -> None:
    forge.github.faults.append(Fault("POST /api/v3/repos/ada/chaos/pulls", 502))
    assert forge.edits.save("shop", "L", MINE.encode(), None, ADA).pull is None
    [branch] = forge.branches()
    head = git("rev-parse", branch, cwd=forge.bare)
    forge.clock.advance(120)
    forge.work()
    [edit] = forge.open_edits()
    assert ("proposed", head, [branch]) == (edit.state, edit.commit, forge.branches())


def test_what_git_has_already_is_not_proposed(forge: OnGitHub) -> None:
    found = forge.edits.save("shop", "L", BASE.encode(), None, ADA)
    assert (forge.head(), None, [], []) == (found.commit, found.pull, forge.branches(), forge.open_edits())


def test_what_overlaps_with_main_is_a_conflict_before_anything_is_proposed(forge: OnGitHub) -> None:
    forge.write(cart=BASE.replace("litmus-admin", "theirs"))
    forge.person.push()
    with pytest.raises(Overlap):
        forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    assert ([], {}) == (forge.branches(), forge.repository.pulls)


def test_a_conflict_is_settled_by_pull_request(forge: OnGitHub) -> None:
    forge.write(cart=BASE.replace("litmus-admin", "theirs"))
    forge.person.push()
    with pytest.raises(Overlap) as refusal:
        forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    settled = forge.conflicts.settle("shop", refusal.value.conflict, "portal", None, None)
    assert settled
    assert settled.pull
    forge.merged(settled.pull)
    assert (MINE, []) == (forge.shown("cart"), forge.open_edits())


def test_a_protected_branch_turns_a_commit_into_a_pull_request(forge: OnGitHub) -> None:
    forge.configure(write_back="commit")
    forge.protect()
    head = forge.head()
    number = saved(forge, MINE)
    assert (head, MINE) == (forge.head(), forge.text_on(forge.branches()[0]))
    (forge.bare / "hooks" / "pre-receive").unlink()
    forge.merged(number)
    assert (MINE, "synced") == (forge.shown("cart"), forge.experiments()["cart"].state)


def test_where_no_branch_may_be_pushed_to_the_hosts_words_are_told(forge: OnGitHub) -> None:
    forge.configure(write_back="commit")
    hook = forge.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: GH013: no secrets, please' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Forbidden, match="GH013: no secrets, please"):
        forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    assert ([], [], "refused") == (forge.open_edits(), forge.branches(), forge.ledger("edit")[-1].verdict)


def test_a_credential_that_may_not_propose_is_told_so(forge: OnGitHub) -> None:
    forge.access = msgspec.structs.replace(forge.access, credential=forge.github.token({"contents": "write"}))
    with pytest.raises(Forbidden):
        forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    assert ([], "refused") == (forge.open_edits(), forge.ledger("edit")[-1].verdict)


def test_plain_git_has_no_pull_requests(forge: OnGitHub) -> None:
    forge.configure(provider="git")
    with pytest.raises(Conflict, match="needs provider github or gitlab"):
        forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    assert [] == forge.open_edits()


def test_a_message_that_comes_twice_proposes_once(forge: OnGitHub) -> None:
    saved(forge, MINE)
    [edit] = forge.open_edits()
    forge.edits.send_edit(Message(new_id(), "sync", "edit", {"project": "shop", "edit": edit.id}))
    assert (1, [edit]) == (len(forge.repository.pulls), forge.open_edits())
