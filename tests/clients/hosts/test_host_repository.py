from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.errors import Forbidden, LitmusGitopsError, NotFound, NotYet, Unavailable
from shared.model.hosting import CommitStatus, StatusState
from tests.clients.hosts.parties import Party, host

STATUS = CommitStatus("litmus/chaos", "success", "Score 100", "https://portal.example.com/runs/1")


def test_a_repository_is_shown_with_its_name_and_default_branch(party: Party) -> None:
    shown = host(party).repository()
    assert (party.name, "main", False) == (shown.name, shown.default_branch, shown.archived)
    assert shown.url.endswith(party.name)


def test_a_renamed_repository_is_found_under_its_new_name(party: Party) -> None:
    access = host(party)
    party.rename("ada/mayhem")
    assert "ada/mayhem" == access.repository().name


def test_a_write_to_a_renamed_repository_arrives(party: Party) -> None:
    access, commit = host(party), party.clone.push()
    party.rename("ada/mayhem")
    access.set_status(commit, STATUS)
    assert [STATUS] == party.statuses(commit)


def test_the_end_of_a_token_is_known_before_it_comes(party: Party) -> None:
    access = host(party)
    assert access.expiry() is None
    assert party.expire(datetime(2999, 12, 24, tzinfo=UTC)) == access.expiry()


def test_a_credential_that_serves_no_more_is_refused(party: Party) -> None:
    access = host(party)
    for _ in range(3):
        party.fail(401)
    with pytest.raises(LitmusGitopsError, match="credential"):
        access.expiry()


def test_the_newest_status_of_a_context_counts(party: Party) -> None:
    commit = party.clone.push()
    host(party).set_status(commit, CommitStatus("litmus/chaos", "pending", "1 of 2 runs"))
    host(party).set_status(commit, STATUS)
    assert STATUS == party.statuses(commit)[0]


@pytest.mark.parametrize("state", ["pending", "success", "failure", "error"])
def test_every_state_is_taken(party: Party, state: StatusState) -> None:
    commit = party.clone.push()
    host(party).set_status(commit, CommitStatus("litmus/chaos", state, "As it is"))
    assert [party.shown.get(state, state)] == [status.state for status in party.statuses(commit)]


def test_a_long_description_is_cut_where_a_host_would_refuse_it(party: Party) -> None:
    commit = party.clone.push()
    host(party).set_status(commit, CommitStatus("litmus/chaos", "error", "x" * 500))
    assert ("x" * 139 + "…") == party.statuses(commit)[0].description


def test_a_status_of_an_unknown_commit_is_refused(party: Party) -> None:
    with pytest.raises(LitmusGitopsError) as raised:
        host(party).set_status("0" * 40, STATUS)
    assert not raised.value.retry


def test_who_may_not_set_a_status_is_told_so(party: Party) -> None:
    with pytest.raises(Forbidden, match="credential"):
        host(party, denied=True).set_status(party.clone.push(), STATUS)


def test_a_rate_limit_says_when_to_come_back(party: Party) -> None:
    party.fail(429, seconds=17)
    with pytest.raises(NotYet) as raised:
        host(party).repository()
    assert 17 == raised.value.seconds


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_host_in_trouble_is_unavailable(party: Party, status: int) -> None:
    party.fail(status)
    with pytest.raises(Unavailable, match=str(status)):
        host(party).repository()


def test_a_write_whose_answer_is_lost_is_not_repeated(party: Party) -> None:
    commit = party.clone.push()
    party.fail(502, done=True)
    with pytest.raises(Unavailable):
        host(party).set_status(commit, STATUS)
    assert 1 == len(party.statuses(commit))


def test_a_host_that_is_away_is_unavailable(party: Party) -> None:
    access = host(party)
    party.stop()
    with pytest.raises(Unavailable, match="does not answer"):
        access.repository()


def test_a_repository_that_is_none_is_not_found(party: Party) -> None:
    party.fail(404)
    with pytest.raises(NotFound, match="credential"):
        host(party).repository()


def test_no_error_shows_the_credential(party: Party) -> None:
    secret = party.access().credential or ""
    for status in (401, 403, 404, 422, 500):
        party.fail(status)
        party.fail(status)
        with pytest.raises(LitmusGitopsError) as raised:
            host(party).repository()
        assert secret not in f"{raised.value} {raised.value!r} {raised.value.__cause__}"
