from __future__ import annotations

from typing import Any

import pytest

from shared.errors import NotYet, Unavailable
from shared.model.hosting import Annotation, Check, CommitStatus, StatusState
from tests.clients.hosts.github_party import CALLS, RIGHTS, GitHubParty
from tests.clients.hosts.parties import host
from tests.githubhost import Fault, secondary_limit

CONTEXT = "litmus/chaos"


def check(state: StatusState = "failure", count: int = 1, summary: str = "1 problem") -> Check:
    status = CommitStatus(CONTEXT, state, summary, "https://portal.example.com/pulls/1")
    notes = tuple(Annotation(f"litmus/{place}.yaml", place + 1, "No such fault.") for place in range(count))
    return Check(status, "Chaos experiments", summary, notes)


def runs(party: GitHubParty) -> list[dict[str, Any]]:
    """Return the check runs, oldest first."""
    return party.repository.checks


def notes(party: GitHubParty) -> list[str]:
    """Return the paths of the annotations that are shown."""
    return [note["path"] for note in party.repository.annotations.get(runs(party)[-1]["id"], [])]


def test_an_annotation_stands_at_its_line(app: GitHubParty) -> None:
    note = Annotation("litmus/one.yaml", 7, "Unknown fault.", "warning", "Fault", 3)
    found = Check(CommitStatus(CONTEXT, "failure", "1 problem"), "Chaos experiments", "1 problem", (note,))
    host(app).publish(app.clone.push(), found)
    (run,) = runs(app)
    assert [
        {
            "path": "litmus/one.yaml",
            "start_line": 7,
            "end_line": 7,
            "start_column": 3,
            "end_column": 3,
            "annotation_level": "warning",
            "message": "Unknown fault.",
            "title": "Fault",
        }
    ] == app.repository.annotations[run["id"]]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("pending", ("in_progress", None)),
        ("success", ("completed", "success")),
        ("failure", ("completed", "failure")),
        ("error", ("completed", "failure")),
    ],
)
def test_a_state_is_a_conclusion(app: GitHubParty, state: StatusState, expected: tuple[str, str | None]) -> None:
    host(app).publish(app.clone.push(), check(state))
    (run,) = runs(app)
    assert expected == (run["status"], run["conclusion"])
    assert (CONTEXT, "https://portal.example.com/pulls/1") == (run["name"], run["details_url"])


@pytest.mark.parametrize("count", [0, 1, 50, 51, 173])
def test_any_number_of_annotations_is_shown(app: GitHubParty, count: int) -> None:
    host(app).publish(app.clone.push(), check(count=count))
    assert [f"litmus/{place}.yaml" for place in range(count)] == notes(app)
    assert "completed" == runs(app)[-1]["status"]


def test_a_check_that_says_the_same_is_not_written_again(app: GitHubParty) -> None:
    commit = app.clone.push()
    host(app).publish(commit, check(count=60))
    before = len(app.server.requests)
    host(app).publish(commit, check(count=60))
    assert ["GET"] == [request.method for request in app.server.requests[before:]]


def test_a_check_without_annotations_goes_on_in_the_same_run(app: GitHubParty) -> None:
    commit = app.clone.push()
    host(app).publish(commit, check("pending", 0, "0 of 2 files"))
    host(app).publish(commit, check("failure", 3))
    assert [("failure", 3)] == [(run["conclusion"], run["output"]["annotations_count"]) for run in runs(app)]


def test_annotations_that_no_longer_apply_are_gone(app: GitHubParty) -> None:
    commit = app.clone.push()
    host(app).publish(commit, check("failure", 3))
    host(app).publish(commit, check("success", 0, "All good"))
    assert ("success", 0) == (runs(app)[-1]["conclusion"], runs(app)[-1]["output"]["annotations_count"])


def test_a_check_left_halfway_is_written_anew(app: GitHubParty) -> None:
    commit = app.clone.push()
    app.server.faults.append(Fault("PATCH .*/check-runs/", 502))
    with pytest.raises(Unavailable):
        host(app).publish(commit, check(count=60))
    host(app).publish(commit, check(count=60))
    assert 60 == len(notes(app))
    assert "completed" == runs(app)[-1]["status"]


def test_the_check_of_another_app_is_left_alone(app: GitHubParty) -> None:
    commit = app.clone.push()
    host(app).publish(commit, check("success", 0))
    runs(app)[0]["app"] = {**runs(app)[0]["app"], "id": 99}
    host(app).publish(commit, check("failure", 0))
    assert ["success", "failure"] == [run["conclusion"] for run in runs(app)]


@pytest.mark.parametrize("kind", ["classic", "fine-grained"])
def test_a_token_may_write_no_checks_and_sets_the_status(github: GitHubParty, kind: Any) -> None:
    commit = github.clone.push()
    github.credential = github.server.token(RIGHTS, kind)
    host(github).publish(commit, check())
    assert ([], [check().status]) == (runs(github), github.statuses(commit))


def test_an_app_without_the_right_to_checks_sets_the_status(app: GitHubParty) -> None:
    app.server.apps[7].permissions = {"statuses": "write"}
    commit = app.clone.push()
    host(app).publish(commit, check())
    assert ([], [check().status]) == (runs(app), app.statuses(commit))


def test_a_limit_is_no_lack_of_rights(app: GitHubParty) -> None:
    commit = app.clone.push()
    app.server.faults.append(secondary_limit(CALLS, 60))
    with pytest.raises(NotYet):
        host(app).publish(commit, check())
    assert [] == app.statuses(commit)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"check_runs": {}}'])
def test_a_list_of_checks_that_is_none_is_no_answer(app: GitHubParty, body: bytes) -> None:
    commit = app.clone.push()
    app.server.faults.append(Fault("GET .*/check-runs", 200, body))
    with pytest.raises(Unavailable, match="something else than GitHub does"):
        host(app).publish(commit, check())
