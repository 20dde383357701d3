from __future__ import annotations

import re
from typing import Any

import pytest

from shared.errors import NotYet, Unavailable
from shared.model.hosting import Annotation, Check, CommitStatus
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import host
from tests.gitlabhost import Fault
from tests.gitlabhost.state import Discussion, Note, User
from tests.gitserver import git

LONG = "".join(f"line: {number}\n" for number in range(1, 61))
LATER = LONG.replace("line: 30\n", "line: 30\nadded: 1\nadded: 2\n")
ADA = User(9, "ada")


def check(*annotations: Annotation, context: str = "litmus/files") -> Check:
    return Check(CommitStatus(context, "failure", "Found something"), "Found", "Text", annotations)


def remark(line: int, path: str = "cart.yaml", message: str = "no such cluster") -> Annotation:
    return Annotation(path, line, message)


class Request:
    """A merge request that changes `cart.yaml`, from `LONG` to `LATER` unless told otherwise."""

    def __init__(self, party: GitLabParty, **files: str) -> None:
        self.party = party
        party.clone.write("cart.yaml", LONG)
        party.clone.write("other.yaml", "kind: Workflow\n")
        party.clone.push()
        self.head = party.branch("change", **(files or {"cart": LATER}))
        self.number = party.open("change", "main", "Change")
        self.merge = party.project.merges[self.number]

    def publish(self, *annotations: Annotation, context: str = "litmus/files", commit: str | None = None) -> None:
        host(self.party).publish(commit or self.head, check(*annotations, context=context), self.number)

    def push(self, text: str) -> None:
        self.head = self.party.branch("change", cart=text)

    @property
    def threads(self) -> list[Discussion]:
        return self.merge.discussions

    def open_threads(self) -> list[str]:
        """Return what people read in the threads that are open."""
        notes = (thread.notes[0] for thread in self.threads)
        return [re.sub("<!--.*-->\n", "", note.body) for note in notes if note.resolved_by is None]

    def spot(self) -> tuple[Any, ...]:
        """Return where the only thread stands."""
        (thread,) = self.threads
        place = thread.notes[0].position or {}
        return tuple(place.get(name) for name in ("position_type", "new_path", "new_line", "old_line"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(31, ("text", "cart.yaml", 31, None), id="added"),
        pytest.param(29, ("text", "cart.yaml", 29, 29), id="unchanged-before"),
        pytest.param(34, ("text", "cart.yaml", 34, 32), id="unchanged-after"),
        pytest.param(2, ("text", "cart.yaml", 2, 2), id="far-before"),
        pytest.param(60, ("text", "cart.yaml", 60, 58), id="far-after"),
        pytest.param(99, ("file", "cart.yaml", None, None), id="no-such-line"),
    ],
)
def test_a_thread_stands_at_the_line_that_it_is_about(
    gitlab: GitLabParty, line: int, expected: tuple[Any, ...]
) -> None:
    request = Request(gitlab)
    request.publish(remark(line))
    assert expected == request.spot()


def test_a_thread_stands_in_a_new_file(gitlab: GitLabParty) -> None:
    request = Request(gitlab, new="kind: Workflow\nspec: {}\n")
    request.publish(remark(2, "new.yaml"))
    assert ("text", "new.yaml", 2, None) == request.spot()


def test_a_thread_stands_in_a_file_that_was_renamed(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    git("mv", "cart.yaml", "basket.yaml", cwd=gitlab.clone.folder)
    request.head = gitlab.branch("change", basket=LATER)
    request.publish(remark(34, "basket.yaml"))
    assert ("text", "basket.yaml", 34, 32) == request.spot()


def test_a_thread_on_an_untouched_file_names_file_and_line(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(1, "other.yaml"))
    assert (None, None, None, None) == request.spot()
    assert ["`other.yaml:1`: no such cluster"] == request.open_threads()


def test_a_thread_stands_at_the_file_where_its_diff_is_too_large_to_be_shown(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    gitlab.project.too_large.add("cart.yaml")
    request.publish(remark(34))
    assert ("file", "cart.yaml", None, None) == request.spot()
    assert ["`cart.yaml:34`: no such cluster"] == request.open_threads()


def test_a_thread_stands_in_a_new_file_that_is_too_large_to_be_shown(gitlab: GitLabParty) -> None:
    request = Request(gitlab, new="kind: Workflow\nspec: {}\n")
    gitlab.project.too_large.add("new.yaml")
    request.publish(remark(2, "new.yaml"))
    assert ("text", "new.yaml", 2, None) == request.spot()


def test_what_was_said_is_not_repeated(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    for _ in range(3):
        request.publish(remark(31), remark(31, message="no probe"), remark(1, "other.yaml"))
    assert 3 == len(request.threads)


def test_the_same_remark_twice_is_two_threads(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    for _ in range(2):
        request.publish(remark(31), remark(31))
    assert 2 == len(request.threads)


def test_of_very_many_remarks_the_failures_get_threads_and_not_all_of_the_rest(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    odd = [Annotation("cart.yaml", number + 1, "odd", "warning") for number in range(55)]
    for _ in range(2):
        request.publish(*odd, remark(60, message="wrong"))
        assert (50, 1) == (len(request.threads), sum("wrong" in text for text in request.open_threads()))
    request.publish(*odd[45:])
    assert 10 == len(request.open_threads())


def test_what_no_longer_applies_is_resolved(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31), remark(32, message="no probe"))
    request.publish(remark(32, message="no probe"))
    assert ["no probe"] == request.open_threads()
    request.publish()
    assert [] == request.open_threads()
    gitlab.server.state.requests.clear()
    request.publish()
    assert {"GET"} == {one.split()[0] for one in gitlab.server.state.requests}


def test_what_is_back_is_opened_again_and_not_repeated(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    for found in ([remark(31)], [], [remark(31)]):
        request.publish(*found)
    assert ["no such cluster"] == request.open_threads()
    assert 1 == len(request.threads)


def test_what_a_person_resolved_stays_so(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31))
    request.threads[0].notes[0].resolved_by = ADA
    request.publish(remark(31))
    assert [] == request.open_threads()
    assert 1 == len(request.threads)


def test_a_thread_moves_along_with_its_line(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31))
    request.push(f"first: 0\n{LATER}")
    request.publish(remark(32))
    assert ("text", "cart.yaml", 32, None) == request.spot()


def test_a_remark_on_another_line_is_another_thread(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31))
    request.publish(remark(32))
    assert 2 == len(request.threads)
    assert 1 == len(request.open_threads())


def test_contexts_leave_each_other_s_threads_alone(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31), context="litmus/files")
    request.publish(context="litmus/chaos")
    assert ["no such cluster"] == request.open_threads()


def test_a_copy_of_our_mark_in_somebody_else_s_note_means_nothing(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    request.publish(remark(31))
    ours = request.threads[0].notes[0]
    stranger = Note(1, ADA, ours.body, "DiscussionNote", ours.created_at)
    request.threads.insert(0, Discussion("0" * 40, [stranger]))
    request.publish()
    assert (True, False) == (stranger.resolved_by is None, ours.resolved_by is None)


def test_a_comment_of_somebody_else_is_never_rewritten(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    gitlab.server.comment(gitlab.project, request.number, ADA, "<!-- ours -->\nNot ours")
    host(gitlab).comment(request.number, "<!-- ours -->", "Ours")
    assert ["<!-- ours -->\nNot ours", "<!-- ours -->\nOurs"] == gitlab.comments(request.number)


def test_a_comment_that_says_what_it_said_is_not_written_again(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    host(gitlab).comment(request.number, "<!-- ours -->", "Ours")
    gitlab.server.state.requests.clear()
    host(gitlab).comment(request.number, "<!-- ours -->", "Ours")
    assert {"GET"} == {one.split()[0] for one in gitlab.server.state.requests}


def test_an_overtaken_commit_gets_its_status_and_no_threads(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    old = request.head
    request.push(f"first: 0\n{LATER}")
    request.publish(remark(31), commit=old)
    assert [] == request.threads
    assert ["failure"] == [one.state for one in gitlab.statuses(old)]


@pytest.mark.parametrize("command", ["/close", "  /close", "text\n/close\nmore", "```\n/merge\n```\n/close"])
def test_what_we_quote_commands_nothing(gitlab: GitLabParty, command: str) -> None:
    request = Request(gitlab)
    request.publish(remark(31, message=f"This file says:\n{command}"))
    host(gitlab).comment(request.number, "<!-- ours -->", command)
    gitlab.branch("another", new="kind: Workflow\n")
    proposed = host(gitlab).propose("another", "main", "Edit", command)
    assert ("opened", "open") == (request.merge.state, proposed.state)
    assert command.strip() in gitlab.comments(request.number)[0].replace("\u200b", "")


def test_a_thread_that_gitlab_refuses_for_another_reason_is_an_error(gitlab: GitLabParty) -> None:
    request = Request(gitlab)
    gitlab.server.fail(Fault(429, "/discussions", "POST", {"Retry-After": "7"}))
    with pytest.raises(NotYet) as raised:
        request.publish(remark(31))
    assert 7 == raised.value.seconds
    gitlab.server.fail(Fault(503, "/discussions", "POST"))
    with pytest.raises(Unavailable, match="503"):
        request.publish(remark(31))
    request.publish(remark(31))
    assert ("text", "cart.yaml", 31, None) == request.spot()
