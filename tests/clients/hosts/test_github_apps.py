from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.clients.git import Remotes
from shared.errors import Forbidden, Misconfigured
from shared.model.experiments import Draft
from shared.model.hosting import Access
from tests.clients.hosts.github_party import CALLS, GitHubParty
from tests.clients.hosts.parties import host
from tests.githubhost import Fault

DRAFT = Draft({"litmus/one.yaml": b"kind: Workflow\n"}, "Add one.", "Ada <ada@example.com>", "2026-11-25T12:00:00Z")


def minted(party: GitHubParty) -> int:
    """Return how often a token was asked for."""
    return len([request for request in party.server.requests if "access_tokens" in request.path])


def test_a_token_is_minted_once_for_all_threads_and_uses(app: GitHubParty) -> None:
    hosts = [host(app) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda opened: opened.repository().name, hosts))
    assert ["ada/chaos"] * 8 == names
    assert 1 == minted(app)


def test_a_token_is_minted_anew_before_it_ends(app: GitHubParty) -> None:
    app.server.apps[7].lifetime = timedelta(minutes=4)
    host(app).repository()
    host(app).repository()
    assert 2 == minted(app)


def test_a_token_that_is_refused_is_minted_anew_once(app: GitHubParty) -> None:
    host(app).repository()
    app.server.tokens.clear()
    assert "ada/chaos" == host(app).repository().name
    assert 2 == minted(app)


def test_a_token_that_is_refused_twice_is_given_up(app: GitHubParty) -> None:
    app.server.faults.append(Fault(CALLS, 401, {"message": "Bad credentials"}, times=2))
    with pytest.raises(Forbidden, match="credential"):
        host(app).repository()
    assert 2 == minted(app)


def test_an_installation_may_be_named(app: GitHubParty) -> None:
    told = json.loads(app.credential) | {"installation_id": 1007}
    app.credential = json.dumps(told)
    host(app).repository()
    assert [] == [request for request in app.server.requests if request.path.endswith("/installation")]


def test_an_app_that_is_not_installed_is_said_to_be(app: GitHubParty) -> None:
    app.server.apps[7].installation = None
    with pytest.raises(Forbidden, match="App 7 is not installed on ada/chaos: install it there"):
        host(app).repository()


def test_an_app_that_github_does_not_know_is_refused(app: GitHubParty) -> None:
    app.server.apps.clear()
    with pytest.raises(Forbidden, match="credential"):
        host(app).repository()


@pytest.mark.parametrize(
    ("credential", "problem"),
    [
        ('{"app_id": 7}', "app_id, private_key"),
        ("{", "app_id, private_key"),
        ('{"app_id": 7, "private_key": "none"}', "no RSA key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "set `provider` to git"),
    ],
    ids=["no-key", "no-json", "wrong-key", "ssh"],
)
def test_a_credential_that_opens_no_api_is_named_without_being_shown(
    github: GitHubParty, credential: str, problem: str
) -> None:
    github.credential = credential
    with pytest.raises(Misconfigured, match=problem) as raised:
        host(github).repository()
    assert credential not in str(raised.value)


@pytest.mark.parametrize("user", ["x-access-token", "ada"])
def test_a_token_may_have_a_user_before_it(github: GitHubParty, user: str) -> None:
    github.credential = f"{user}:{github.credential}"
    assert "ada/chaos" == host(github).repository().name


def test_git_is_convinced_by_the_same_app(app: GitHubParty) -> None:
    remote = Remotes()(app.access())
    head = remote.head("main")
    assert remote.commit_files("main", head, DRAFT) == remote.head("main")
    assert host(app).repository().name == app.name
    assert 1 == minted(app)


def test_git_has_a_refused_token_minted_anew(app: GitHubParty) -> None:
    remote = Remotes()(app.access())
    head = remote.head("main")
    app.server.tokens.clear()
    assert head == remote.head("main")
    app.server.tokens.clear()
    assert remote.commit_files("main", head, DRAFT) == remote.head("main")


def test_git_says_that_an_app_is_not_installed(app: GitHubParty) -> None:
    app.server.apps[7].installation = None
    with pytest.raises(Forbidden, match="install it there"):
        Remotes()(app.access()).head("main")


def test_an_app_is_for_github_alone(app: GitHubParty) -> None:
    access = app.access()
    with pytest.raises(Forbidden):
        Remotes()(Access(access.url, access.credential, "git")).head("main")
