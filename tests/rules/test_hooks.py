from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.model.hooks import Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.projects import GitOps, Provider
from shared.rules.hooks import (
    QUIET,
    address_of,
    earliest,
    look_is_due,
    missing_events,
    moment,
    ours,
    seen_to,
    stays,
    switched_off,
    unreachable,
)

NOW = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)
ADDRESS = "https://portal.example.org/git/shop"
HOOK = Hook("7", ADDRESS, ("push", "pull_request"))
REPO = "https://github.com/ada/chaos.git"
RECORD = Webhook(REPO, hook="7", given="file:new", given_at="2026-01-04T10:00:00.000Z", retiring=("file:old",))
NEW, OLD = "2026-01-04T10:01:00.000Z", "2026-01-04T09:59:00.000Z"


def test_each_project_has_an_address_of_its_own() -> None:
    assert ADDRESS == address_of("https://portal.example.org/", "shop")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(ADDRESS, True, id="the same"),
        pytest.param(f"{ADDRESS}/", True, id="with a slash"),
        pytest.param("https://PORTAL.example.org:443/git/shop", True, id="with the port that it has anyway"),
        pytest.param("https://portal.example.org/git/shop2", False, id="another project's"),
        pytest.param("https://portal.example.org/git/SHOP", False, id="a path is taken as it is"),
        pytest.param("http://portal.example.org/git/shop", False, id="without TLS"),
        pytest.param("https://former.example.org/git/shop", False, id="another portal's"),
        pytest.param("https://portal.example.org:x/git/shop", False, id="no address at all"),
    ],
)
def test_a_hook_is_ours_by_its_address(url: str, expected: bool) -> None:
    hook = msgspec.structs.replace(HOOK, url=url)
    assert ([hook] if expected else []) == ours([hook], ADDRESS)


def test_of_several_the_one_that_we_know_comes_first() -> None:
    hooks = [msgspec.structs.replace(HOOK, id=number) for number in ("10", "9", "11")]
    assert ["9", "10", "11"] == [hook.id for hook in ours(hooks, ADDRESS)]
    assert ["11", "9", "10"] == [hook.id for hook in ours(hooks, ADDRESS, "11")]


@pytest.mark.parametrize(
    ("provider", "active", "expected"),
    [("gitlab", False, True), ("gitlab", True, False), ("github", False, False)],
)
def test_only_gitlab_switches_a_hook_off_by_itself(provider: Provider, active: bool, expected: bool) -> None:
    assert expected is switched_off(msgspec.structs.replace(HOOK, active=active, problem="it failed"), provider)


@pytest.mark.parametrize(
    ("provider", "events", "expected"),
    [
        pytest.param("github", ("push", "pull_request", "issues"), [], id="more than needed"),
        pytest.param("github", ("push",), ["pull_request"], id="no pull requests"),
        pytest.param("github", ("*",), [], id="all"),
        pytest.param("gitlab", ("merge_requests_events",), ["push_events"], id="no pushes"),
        pytest.param("git", (), [], id="plain git has none"),
    ],
)
def test_events_that_are_missing_are_named(provider: Provider, events: tuple[str, ...], expected: list[str]) -> None:
    assert expected == missing_events(msgspec.structs.replace(HOOK, events=events), provider)


@pytest.mark.parametrize(
    ("public", "repository", "reached"),
    [
        pytest.param("https://portal.example.org", REPO, True, id="both public"),
        pytest.param("http://127.0.0.1:8080", REPO, False, id="loopback and a public host"),
        pytest.param("http://[::1]:8080", "git@gitlab.com:ada/chaos.git", False, id="loopback and an ssh address"),
        pytest.param(
            "http://localhost:8080", "https://git.example.com/a.git", False, id="localhost and a private host"
        ),
        pytest.param("http://a.localhost.", "ssh://git@git.example.com/a", False, id="a name below localhost"),
        pytest.param("http://10.0.0.7", REPO, False, id="a private network and a public host"),
        pytest.param("http://portal.internal", "git@github.com:ada/chaos", False, id="a private name"),
        pytest.param("http://10.0.0.7", "https://git.example.com/a.git", True, id="a private network and a host there"),
        pytest.param("http://127.0.0.1:8080", "http://127.0.0.1:3000/a.git", True, id="both on this machine"),
        pytest.param("http://127.0.0.1:8080", "file:///srv/a.git", True, id="a repository on this disk"),
    ],
)
def test_an_address_that_the_host_does_not_reach_is_found(public: str, repository: str, reached: bool) -> None:
    assert reached is (unreachable(public, GitOps(repository, "litmus/shop")) is None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="never looked at"),
        pytest.param({"look_at": "2026-01-04T12:00:00.000Z"}, True, id="now"),
        pytest.param({"look_at": "2026-01-04T12:00:00.001Z"}, False, id="later"),
    ],
)
def test_a_look_is_due_at_its_time(changes: dict[str, Any], expected: bool) -> None:
    gitops = GitOps(REPO, "x", provider="github", webhook_secrets=("file:hook",))
    assert expected is look_is_due(msgspec.structs.replace(RECORD, **changes), gitops, NOW)


@pytest.mark.parametrize(
    ("provider", "secrets", "retiring", "expected"),
    [
        pytest.param("github", (), (), False, id="no secret, so no hook"),
        pytest.param("git", ("file:hook",), (), False, id="plain git has no hooks"),
        pytest.param("git", ("file:hook",), ("file:old",), True, id="plain git, while its secret is rotated"),
    ],
)
def test_a_look_is_due_where_there_is_something_to_see(
    provider: Provider, secrets: tuple[str, ...], retiring: tuple[str, ...], expected: bool
) -> None:
    gitops = GitOps(REPO, "x", provider=provider, webhook_secrets=secrets)
    assert expected is look_is_due(Webhook(REPO, retiring=retiring), gitops, NOW)


@pytest.mark.parametrize(
    ("changes", "live", "matched", "expected"),
    [
        pytest.param(
            {}, ["file:new", "file:old"], {"file:new": NEW}, None, id="the new one is proved, and it is quiet"
        ),
        pytest.param({}, ["file:new"], {"file:new": NEW, "file:old": OLD}, None, id="the old one came before"),
        pytest.param({"given": None}, ["file:new"], {}, "was not given another secret yet", id="nothing was given"),
        pytest.param({"given": "file:old"}, ["file:new", "file:old"], {}, "another secret yet", id="the hook has it"),
        pytest.param({}, ["file:old"], {"file:new": NEW}, "which is not live", id="the new one cannot be read"),
        pytest.param({}, ["file:new"], {}, "no delivery has come with file:new", id="the new one never came"),
        pytest.param({}, ["file:new"], {"file:new": OLD}, "no delivery has come", id="it came before it was given"),
        pytest.param(
            {"given_at": "2026-01-04T11:30:00.000Z"},
            ["file:new"],
            {"file:new": "2026-01-04T11:31:00.000Z"},
            "may still be on their way",
            id="the hook was given it just now",
        ),
        pytest.param(
            {},
            ["file:new"],
            {"file:new": NEW, "file:old": "2026-01-04T11:30:00.000Z"},
            "may still be on their way",
            id="the old one came lately",
        ),
    ],
)
def test_an_old_secret_stays_until_nobody_needs_it(
    changes: dict[str, Any], live: list[str], matched: dict[str, str], expected: str | None
) -> None:
    record = msgspec.structs.replace(RECORD, **changes)
    why = stays("file:old", live, record, matched=matched, now=NOW, quiet=QUIET)
    assert (expected is None) == (why is None)
    assert (expected or "") in (why or "")


def test_a_person_need_not_wait_for_quiet() -> None:
    matched = {"file:new": "2026-01-04T11:59:59.000Z", "file:old": "2026-01-04T11:59:58.000Z"}
    none = timedelta(0)
    assert stays("file:old", ["file:new"], RECORD, matched=matched, now=NOW, quiet=none) is None
    assert stays("file:old", ["file:new"], RECORD, matched={"file:old": NEW}, now=NOW, quiet=none)


def test_failures_are_asked_for_since_the_last_look_and_for_three_days_at_most() -> None:
    assert NOW - timedelta(days=3) == earliest(Webhook(REPO), NOW)
    assert moment("2026-01-04T11:00:00.000Z") == earliest(Webhook(REPO, since="2026-01-04T11:00:00.000Z"), NOW)


def test_what_is_left_is_listed_again_at_the_next_look() -> None:
    left = [FailedDelivery(name, name, at, "push", 503) for name, at in (("2", NEW), ("1", OLD))]
    assert moment(OLD) - timedelta(minutes=10) == seen_to(left, NOW)
    assert NOW - timedelta(minutes=10) == seen_to([], NOW)
