from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.demo.certificates import make_certificates
from infra.demo.tls import TlsFront
from shared.clients.hosts import Hosts
from shared.clients.hosts.gitlab.addresses import Address, address, tokens
from shared.clients.hosts.web import Waiting
from shared.errors import Forbidden, Invalid, LitmusGitopsError, Misconfigured, Unavailable
from shared.model.hosting import Access, Annotation, Check, CommitStatus
from shared.model.proxies import Proxies
from shared.ports.git import GitHost
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import host, opened
from tests.gitlabhost import Fault, GitLabServer
from tests.gitlabhost.server import SECRET
from tests.gitlabhost.state import MAINTAINER, User

STATUS = CommitStatus("litmus/chaos", "success", "Score 100")


BELOW = "https://example.com/git"


@pytest.mark.parametrize(
    ("url", "api", "base", "project"),
    [
        pytest.param("https://gitlab.com/shop/chaos.git", None, "https://gitlab.com", "shop/chaos", id="gitlab-com"),
        pytest.param("https://gitlab.com/a/b/c/d", None, "https://gitlab.com", "a/b/c/d", id="subgroups"),
        pytest.param("https://ada:x@git.example.com:8443/a/b/", None, "https://git.example.com:8443", "a/b", id="port"),
        pytest.param("git@git.example.com:a/b.git", None, "https://git.example.com", "a/b", id="scp"),
        pytest.param("ssh://git@git.example.com:2222/a/b", None, "https://git.example.com", "a/b", id="ssh"),
        pytest.param(
            "https://example.com/git/a/b.git",
            "https://example.com/git/api/v4/",
            "https://example.com/git",
            "a/b",
            id="below",
        ),
        pytest.param(
            "git@example.com:git/b.git", "https://example.com/git", "https://example.com/git", "git/b", id="own"
        ),
        pytest.param("git://example.com/a/b", "http://api.example.com", "http://api.example.com", "a/b", id="git"),
    ],
)
def test_an_address_shows_the_gitlab_and_the_project(url: str, api: str | None, base: str, project: str) -> None:
    assert Address(base, project) == address(Access(url, provider="gitlab", api_url=api))


@pytest.mark.parametrize("url", ["https://gitlab.com/chaos", "git://example.com/a/b", "https://gitlab.com/"])
def test_an_address_that_shows_no_project_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        address(Access(url, provider="gitlab"))


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param("glpat-x", {"private_token": "glpat-x"}, id="token"),
        pytest.param("glpat-x\n", {"private_token": "glpat-x"}, id="line"),
        pytest.param("ada:glpat-x", {"private_token": "glpat-x"}, id="login"),
        pytest.param("oauth2:abc", {"oauth_token": "abc"}, id="oauth"),
    ],
)
def test_a_credential_is_a_token_in_the_place_of_a_password(credential: str | None, expected: dict[str, str]) -> None:
    assert expected == tokens(Access("https://gitlab.com/a/b", credential))


def test_an_ssh_key_cannot_be_used_for_the_api() -> None:
    with pytest.raises(Misconfigured, match="access token") as raised:
        tokens(Access("git@gitlab.com:a/b", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"))
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize(
    ("scopes", "expired"), [(("read_repository",), False), (("api",), True)], ids=["scope", "expired"]
)
def test_a_token_that_does_not_do_says_what_to_mend(
    gitlab: GitLabParty, scopes: tuple[str, ...], expired: bool
) -> None:
    gitlab.server.add_token("glpat-other", User(12, "other"), scopes, MAINTAINER, expired=expired)
    gitlab.login = "glpat-other"
    with pytest.raises(Forbidden, match="credential"):
        host(gitlab).repository()


def test_a_private_ca_is_trusted_in_place_of_the_system_s(gitlab: GitLabParty, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "tls")
    stranger = make_certificates(tmp_path / "stranger").ca.read_text()
    with TlsFront(urlsplit(gitlab.server.url).port or 0, certificates) as front:
        url = f"{front.url}/ada/chaos.git"
        trusting = opened(Access(url, SECRET, "gitlab", ca=certificates.ca.read_text()))
        assert "ada/chaos" == trusting.repository().name
        for ca in (None, stranger):
            with pytest.raises(Unavailable, match="certificate"):
                opened(Access(url, SECRET, "gitlab", ca=ca)).repository()


def test_pages_are_followed_where_gitlab_was_found_whatever_it_calls_itself(
    gitlab: GitLabParty, tmp_path: Path
) -> None:
    gitlab.branch("change", cart="kind: Workflow\n")
    number = gitlab.open("change", "main", "Change")
    gitlab.chat(number, 130)
    certificates = make_certificates(tmp_path / "tls")
    with TlsFront(urlsplit(gitlab.server.url).port or 0, certificates) as front:
        access = Access(f"{front.url}/ada/chaos.git", SECRET, "gitlab", ca=certificates.ca.read_text())
        for text in ("One", "Two"):
            opened(access).comment(number, "<!-- ours -->", text)
    assert ["<!-- ours -->\nTwo"] == gitlab.comments(number)[130:]


def test_a_bundle_without_certificates_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="PEM"):
        opened(Access("https://gitlab.com/a/b", SECRET, "gitlab", ca="nothing"))


def test_a_proxy_is_asked_in_gitlab_s_place(gitlab: GitLabParty) -> None:
    access = Access("http://gitlab.invalid/ada/chaos.git", SECRET, "gitlab")
    assert "ada/chaos" == opened(access, Hosts(Proxies(http=gitlab.server.url))).repository().name


def test_a_slow_gitlab_is_not_waited_for(gitlab: GitLabParty) -> None:
    gitlab.server.fail(Fault(200, body=b"{" + b" " * 60, drip=0.05))
    hosts = Hosts(waiting=Waiting(0.5, 0.5, 0.5))
    with pytest.raises(Unavailable, match="slow"):
        opened(gitlab.access(), hosts).repository()


def test_a_read_whose_connection_broke_is_made_again(gitlab: GitLabParty) -> None:
    gitlab.server.fail(Fault())
    assert "ada/chaos" == host(gitlab).repository().name


def test_a_write_whose_connection_broke_is_not_made_again(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    gitlab.server.fail(Fault(method="POST", done=True))
    with pytest.raises(Unavailable, match="does not answer"):
        host(gitlab).set_status(commit, STATUS)
    assert 1 == sum(one.startswith("POST /api/v4") for one in gitlab.server.state.requests)


def test_a_token_goes_to_no_other_host(gitlab: GitLabParty, tmp_path: Path) -> None:
    with GitLabServer(tmp_path / "stranger") as stranger:
        gitlab.server.fail(Fault(301, headers={"Location": f"{stranger.url}/api/v4/projects/1"}))
        with pytest.raises(Unavailable, match="mend the address"):
            host(gitlab).repository()
        assert [] == stranger.state.requests


def test_a_moved_project_is_written_to_under_its_number(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    gitlab.server.move(gitlab.project, "group/sub/mayhem")
    host(gitlab).set_status(commit, STATUS)
    assert f"POST /api/v4/projects/{gitlab.project.id}/statuses/{commit}" == gitlab.server.state.requests[-1]


def test_a_page_in_gitlab_s_place_says_to_set_api_url(gitlab: GitLabParty) -> None:
    gitlab.server.fail(Fault(200, body=b"<html>Sign in</html>", content_type="text/html"))
    with pytest.raises(Unavailable, match="api_url"):
        host(gitlab).repository()


def test_a_project_without_commits_has_no_default_branch(gitlab: GitLabParty) -> None:
    empty = gitlab.server.create("ada/empty")
    access = Access(gitlab.server.address(empty), SECRET, "gitlab")
    assert "" == opened(access).repository().default_branch


def test_an_archived_project_says_so_and_takes_no_writes(gitlab: GitLabParty) -> None:
    commit = gitlab.clone.push()
    gitlab.project.archived = True
    assert host(gitlab).repository().archived
    with pytest.raises(Forbidden):
        host(gitlab).set_status(commit, STATUS)


NOW = datetime.now(UTC)
CHECK = Check(STATUS, "Title", "Text", (Annotation("cart.yaml", 1, "no probe"),))
CALLS: dict[str, Callable[[GitHost, str, str], object]] = {
    "repository": lambda to, *_: to.repository(),
    "set_status": lambda to, commit, _: to.set_status(commit, STATUS),
    "publish": lambda to, commit, _: to.publish(commit, CHECK, 1),
    "pull": lambda to, *_: to.pull(1),
    "open_heads": lambda to, *_: to.open_heads("main"),
    "propose": lambda to, *_: to.propose("another", "main", "Title", "Text"),
    "close_pull": lambda to, *_: to.close_pull(1),
    "comment": lambda to, *_: to.comment(1, "<!-- ours -->", "Text"),
    "hooks": lambda to, *_: to.hooks(),
    "save_hook": lambda to, _, hook: to.save_hook("https://portal.example.com", "secret", hook),
    "test_hook": lambda to, _, hook: to.test_hook(hook),
    "failed_deliveries": lambda to, _, hook: to.failed_deliveries(hook, NOW),
}
ANSWERS = {
    "empty-object": b"{}",
    "empty-list": b"[]",
    "list-of-null": b"[null]",
    "list-of-objects": b"[{}]",
    "empty-thread": b'[{"id": "x", "notes": []}]',
    "nothing": b"",
    "cut-off": b'{"id": 1, "iid',
    "number": b"7",
    "wrong-kinds": b'{"id": "x", "iid": {}, "state": 1}',
}


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_gitlab_does_not_give_is_never_an_error_of_our_own(gitlab: GitLabParty, call: str) -> None:
    commit = gitlab.branch("change", cart="kind: Workflow\n")
    gitlab.branch("another", cart="kind: CronWorkflow\n")
    gitlab.open("change", "main", "Change")
    hook = host(gitlab).save_hook("https://portal.example.com", "secret").id
    for body in ANSWERS.values():
        for _ in broken(gitlab, body):
            with suppress(LitmusGitopsError):
                CALLS[call](host(gitlab), commit, hook)


def broken(gitlab: GitLabParty, body: bytes) -> Iterator[Fault]:
    """Let first the first answer be this one, then the second, until there are no more."""
    place, wrong = 0, Fault(times=0)
    while wrong.times == 0:
        wrong = Fault(200, "/api/v4", body=body)
        gitlab.server.state.faults = [Fault(path="/api/v4", times=place, through=True), wrong]
        yield wrong
        place += 1
