from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.clients.hosts import Hosts
from shared.clients.hosts.github.addresses import address
from shared.clients.hosts.github.expiry import HEADER, ends
from shared.clients.hosts.web import Waiting
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LitmusGitopsError,
    Misconfigured,
    NotFound,
    NotYet,
    Unavailable,
)
from shared.model.hosting import Access, CommitStatus
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import host
from tests.githubhost import Fault, primary_limit

END = datetime(2999, 12, 24, tzinfo=UTC)
COM, GHES = "https://api.github.com", "https://git.example.com/api/v3"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/ada/chaos", (COM, "ada", "chaos")),
        ("https://github.com/ada/chaos.git", (COM, "ada", "chaos")),
        ("https://github.com/ada/chaos/", (COM, "ada", "chaos")),
        ("https://GitHub.com/Ada/Chaos.js.git", (COM, "Ada", "Chaos.js")),
        ("https://www.github.com/ada/chaos", (COM, "ada", "chaos")),
        ("https://ada:token@github.com/ada/chaos", (COM, "ada", "chaos")),
        ("git@github.com:ada/chaos.git", (COM, "ada", "chaos")),
        ("git@github.com:ada/chaos", (COM, "ada", "chaos")),
        ("git@github.com:/ada/chaos.git", (COM, "ada", "chaos")),
        ("ssh://git@github.com/ada/chaos.git", (COM, "ada", "chaos")),
        ("ssh://git@ssh.github.com:443/ada/chaos.git", (COM, "ada", "chaos")),
        ("https://ada.ghe.com/ada/chaos", ("https://api.ada.ghe.com", "ada", "chaos")),
        ("https://git.example.com/ada/chaos.git", (GHES, "ada", "chaos")),
        ("https://git.example.com:8443/ada/chaos", ("https://git.example.com:8443/api/v3", "ada", "chaos")),
        ("git@git.example.com:ada/chaos.git", (GHES, "ada", "chaos")),
        ("ssh://git@git.example.com:2222/ada/chaos.git", (GHES, "ada", "chaos")),
        ("http://127.0.0.1:8080/ada/chaos.git", ("http://127.0.0.1:8080/api/v3", "ada", "chaos")),
    ],
)
def test_an_address_in_any_spelling_names_api_and_repository(url: str, expected: tuple[str, str, str]) -> None:
    assert expected == tuple(address(Access(url, provider="github")))


def test_the_api_may_be_somewhere_else() -> None:
    access = Access("https://git.example.com/ada/chaos", provider="github", api_url="https://api.example.com/v3/")
    assert "https://api.example.com/v3" == address(access).api


@pytest.mark.parametrize("url", ["https://github.com/ada", "https://github.com/ada/chaos/tree", "file:///ada/chaos"])
def test_an_address_without_owner_and_name_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="OWNER/NAME"):
        address(Access(url, provider="github"))


def test_plain_git_has_no_host() -> None:
    assert Hosts()(Access("https://git.example.com/ada/chaos.git")) is None


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, Invalid, "Problem"),
        (401, Forbidden, "mend the secret that `credential` names"),
        (403, Forbidden, "Problem; give the credential the right"),
        (404, NotFound, "or `credential` may not see it"),
        (409, Conflict, "Problem"),
        (410, NotFound, "Problem"),
        (422, Invalid, "Problem; title is missing; Reference already exists"),
        (429, NotYet, "asked again in 60 s"),
        (451, Forbidden, "Problem"),
        (500, Unavailable, "HTTP status 500"),
        (599, Unavailable, "HTTP status 599"),
    ],
)
def test_a_status_is_an_error_that_says_what_to_do(
    github: GitHubParty, status: int, error: type[LitmusGitopsError], said: str
) -> None:
    errors = [{"resource": "Issue", "field": "title", "code": "is missing"}, {"message": "Reference already exists"}]
    body = {"message": "Problem", "errors": errors if status == 422 else None}
    github.server.faults.append(Fault("GET", status, body))
    with pytest.raises(error, match=said) as raised:
        host(github).repository()
    assert error is type(raised.value)


def test_a_lack_of_rights_is_named_as_github_names_it(github: GitHubParty) -> None:
    github.credential = github.server.token({})
    with pytest.raises(Forbidden, match="needs statuses=write"):
        host(github).set_status(github.clone.push(), CommitStatus("c", "error", "d"))


def test_single_sign_on_is_said_to_be_missing(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 403, {"message": "Resource protected"}, {"X-GitHub-SSO": "required"}))
    with pytest.raises(Forbidden, match="single sign-on"):
        host(github).repository()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "17"}, 17, id="seconds"),
        pytest.param({"Retry-After": "0"}, 1, id="at-once"),
        pytest.param({"Retry-After": "999999"}, 3600, id="too-long"),
        pytest.param({"Retry-After": "soon"}, 60, id="nonsense"),
        pytest.param({"X-RateLimit-Remaining": "0"}, 60, id="no-time"),
        pytest.param({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 1, id="over"),
    ],
)
def test_a_limit_says_when_to_come_back(github: GitHubParty, headers: dict[str, str], seconds: float) -> None:
    github.server.faults.append(Fault("GET", 403, {"message": "Slow down"}, headers))
    with pytest.raises(NotYet) as raised:
        host(github).repository()
    assert seconds == raised.value.seconds


@pytest.mark.parametrize("named", ["reset", "date"])
def test_a_limit_may_name_a_moment(github: GitHubParty, named: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    dated = Fault("GET", 429, {"message": "Slow down"}, {"Retry-After": date})
    github.server.faults.append(primary_limit("GET", 100) if named == "reset" else dated)
    with pytest.raises(NotYet) as raised:
        host(github).repository()
    assert 90 < raised.value.seconds <= 100


def test_a_host_that_says_nothing_is_not_awaited(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 200, delay=1.0, times=2))
    opened = Hosts(waiting=Waiting(1, 0.1, 1))(github.access())
    started = time.monotonic()
    with pytest.raises(Unavailable, match="timed out"):
        opened.repository()  # type: ignore[union-attr]
    assert time.monotonic() - started < 0.9


def test_a_host_that_never_ends_is_not_awaited(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 200, b" " * (1 << 20), delay=0.05))
    opened = Hosts(waiting=Waiting(1, 1, 0.01))(github.access())
    with pytest.raises(Unavailable, match="too slowly"):
        opened.repository()  # type: ignore[union-attr]


def test_an_answer_without_end_is_not_read(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 200, b" " * (33 << 20)))
    with pytest.raises(Unavailable, match="over 33554432 bytes"):
        host(github).repository()


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"", b"[]", b'{"full_name": 1}', b'{"full_na'])
def test_a_page_in_the_api_s_place_is_no_answer(github: GitHubParty, body: bytes) -> None:
    github.server.faults.append(Fault("GET", 200, body))
    with pytest.raises(Unavailable, match="something else than GitHub does"):
        host(github).repository()


def test_an_answer_that_is_not_ready_is_not_awaited(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 202, {}))
    with pytest.raises(Unavailable, match="prepared"):
        host(github).repository()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_credential_goes_to_no_other_host(github: GitHubParty, status: int) -> None:
    github.server.faults.append(Fault("GET", status, {}, {"Location": "http://127.0.0.2:1/api/v3/repos/ada/chaos"}))
    with pytest.raises(Unavailable, match=r"sends us to 127\.0\.0\.2"):
        host(github).repository()


def test_a_circle_of_moves_ends(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 301, {}, {"Location": "/api/v3/repos/ada/chaos"}, times=9))
    with pytest.raises(Unavailable, match="more than 3 times"):
        host(github).repository()


def test_a_read_is_tried_again_once_where_the_connection_broke(github: GitHubParty) -> None:
    github.server.faults.append(Fault("GET", 0))
    assert "ada/chaos" == host(github).repository().name


def test_a_write_is_not(github: GitHubParty) -> None:
    commit = github.clone.push()
    github.server.faults.append(Fault("POST", 0, done=True))
    with pytest.raises(Unavailable):
        host(github).set_status(commit, CommitStatus("c", "error", "d"))
    assert ["POST"] == [request.method for request in github.server.requests]


def test_what_a_host_repeats_of_the_credential_is_cut_out(github: GitHubParty) -> None:
    body = {"message": f"no\nsuch token {github.credential} for https://ada:word@example.com/"}
    github.server.faults.append(Fault("GET", 422, body))
    with pytest.raises(Invalid, match=r"no such token … for https://example\.com/"):
        host(github).repository()


def test_a_bundle_without_certificates_is_the_operators_to_mend() -> None:
    access = Access("https://github.com/ada/chaos", provider="github", ca="none")
    with pytest.raises(Misconfigured, match="ca_bundle"):
        Hosts()(access)


def test_no_log_shows_the_credential(github: GitHubParty, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        host(github).repository()
    assert "ada/chaos" in caplog.text
    assert github.credential not in caplog.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"Not JSON", "Not JSON"),
        (b'"text"', "text"),
        (b'{"mess', "mess"),
        (b"[1]", "1"),
        (b"", "it gave no reason"),
        (b'{"message": "Problem", "errors": "One"}', "Problem; One"),
        (b'{"message": "Problem", "errors": ["One", {"message": "Two"}]}', "Problem; One; Two"),
    ],
)
def test_a_refusal_may_be_worded_in_any_way(github: GitHubParty, body: bytes, said: str) -> None:
    github.server.faults.append(Fault("GET", 422, body))
    with pytest.raises(Invalid, match=said):
        host(github).repository()


def test_a_token_tells_of_its_end_and_one_without_tells_of_none(github: GitHubParty) -> None:
    access = host(github)
    assert access.expiry() is None
    assert github.expire(END) == access.expiry() == END


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("2999-12-24 00:00:00 UTC", END, id="utc"),
        pytest.param("2999-12-23 16:00:00 -0800", END, id="offset"),
        pytest.param("soon", None, id="no-time"),
    ],
)
def test_the_end_of_a_token_is_read_as_github_writes_it(told: str, expected: datetime | None) -> None:
    assert expected == ends({HEADER: told})
