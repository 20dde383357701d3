from __future__ import annotations

import pytest

from shared.errors import Invalid, Unavailable
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import SECRET, host
from tests.githubhost import Fault

URL = "https://portal.example.com/git/chaos"


def test_a_hook_has_all_that_deliveries_need(github: GitHubParty) -> None:
    host(github).save_hook(URL, SECRET)
    (hook,) = github.repository.hooks.values()
    assert {"url": URL, "content_type": "json", "secret": SECRET, "insecure_ssl": "0"} == hook.config
    assert ["push", "pull_request"] == hook.events


def test_changing_a_hook_mends_all_of_it(github: GitHubParty) -> None:
    made = host(github).save_hook(URL, SECRET)
    (hook,) = github.repository.hooks.values()
    hook.config, hook.events, hook.active = {"url": "https://old.example.com", "insecure_ssl": "1"}, ["issues"], False
    host(github).save_hook(URL, SECRET, made.id)
    assert {"url": URL, "content_type": "json", "secret": SECRET, "insecure_ssl": "0"} == hook.config
    assert (["push", "pull_request"], True) == (hook.events, hook.active)


def test_a_new_hook_whose_answer_was_lost_is_found_again(github: GitHubParty) -> None:
    github.server.faults.append(Fault("POST", 502, done=True))
    with pytest.raises(Unavailable):
        host(github).save_hook(URL, SECRET)
    assert [host(github).save_hook(URL, "another-secret")] == host(github).hooks()
    assert ["another-secret"] == [hook.config["secret"] for hook in github.repository.hooks.values()]


def test_a_hook_too_many_is_refused_in_github_s_words(github: GitHubParty) -> None:
    errors = [{"resource": "Hook", "code": "custom", "message": 'The "push" event cannot have more than 20 hooks'}]
    github.server.faults.append(Fault("POST", 422, {"message": "Validation Failed", "errors": errors}))
    with pytest.raises(Invalid, match="cannot have more than 20 hooks"):
        host(github).save_hook(URL, SECRET)


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        pytest.param({"code": None, "status": "unused", "message": None}, None, id="unused"),
        pytest.param({"code": 202, "status": "active", "message": "OK"}, None, id="good"),
        pytest.param(
            {"code": 401, "status": "misconfigured", "message": "Invalid HTTP Response: 401"},
            "its last delivery: Invalid HTTP Response: 401",
            id="refused",
        ),
        pytest.param({"code": None, "status": "timeout", "message": None}, "its last delivery: timeout", id="silent"),
        pytest.param({"code": 0, "status": None, "message": None}, "its last delivery: no answer", id="nothing"),
    ],
)
def test_a_hook_says_why_it_does_not_deliver(github: GitHubParty, last: dict[str, object], problem: str | None) -> None:
    host(github).save_hook(URL, SECRET)
    (hook,) = github.repository.hooks.values()
    hook.last = last
    assert [problem] == [one.problem for one in host(github).hooks()]


def test_a_hook_that_sends_forms_is_not_understood(github: GitHubParty) -> None:
    made = host(github).save_hook(URL, SECRET)
    github.repository.hooks[int(made.id)].config |= {"content_type": "form", "insecure_ssl": "1"}
    (found,) = host(github).hooks()
    assert ("it sends form in place of json", False) == (found.problem, found.verified)
