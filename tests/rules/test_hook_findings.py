from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.model.hooks import Finding, Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.projects import GitOps
from shared.rules.hook_findings import Head, Sight, find, meaning

NOW = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)
ADDRESS = "https://portal.example.org/git/shop"
REPO = "https://github.com/ada/chaos.git"
GITHUB = GitOps(REPO, "litmus/shop", provider="github", webhook_secrets=("file:hook",))
HOOK = Hook("7", ADDRESS, ("push", "pull_request"))
CAME = "2026-01-04T11:50:00.000Z"
RECORD = Webhook(REPO, hook="7", given="file:hook", given_at="2026-01-03T12:00:00.000Z")
INSTALL = "litmus-gitops webhook install shop"


def look(**changes: Any) -> list[Finding]:
    """Return what is found where all is well but for these."""
    well: dict[str, Any] = {
        "project": "shop",
        "gitops": GITHUB,
        "address": ADDRESS,
        "public_url": "https://portal.example.org",
        "now": NOW,
        "record": RECORD,
        "unreadable": {},
        "matched": {"file:hook": CAME},
        "heads": [Head("c" * 40, CAME, told=True)],
        "hooks": [HOOK],
    }
    return find(Sight(**well | changes))


def hook(**changes: Any) -> list[Hook]:
    return [msgspec.structs.replace(HOOK, **changes)]


def settings(**changes: Any) -> GitOps:
    return msgspec.structs.replace(GITHUB, **changes)


def record(**changes: Any) -> Webhook:
    return msgspec.structs.replace(RECORD, **changes)


def failure(at: str, status: int = 401) -> FailedDelivery:
    return FailedDelivery(at, at, at, "push", status)


def test_where_all_is_well_nothing_is_found() -> None:
    assert [] == look()
    assert [] == look(gitops=settings(provider="git"), hooks=None)


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        pytest.param(
            {"gitops": settings(webhook_secrets=())}, "knows no webhook secret", "--webhook-secret", id="no secret"
        ),
        pytest.param(
            {
                "gitops": settings(webhook_secrets=("file:hook", "file:x")),
                "unreadable": {"file:x": "file:x is missing"},
            },
            "cannot be read: file:x is missing",
            "without file:x",
            id="a secret that cannot be read",
        ),
        pytest.param(
            {"public_url": "http://127.0.0.1:8080"}, "leads github.com to itself", "PUBLIC_URL", id="loopback"
        ),
        pytest.param({"hooks": None, "trouble": "it refuses"}, "it refuses", "admin:repo_hook", id="no rights"),
        pytest.param(
            {"hooks": [], "record": Webhook(REPO)}, f"no webhook that delivers to {ADDRESS}", INSTALL, id="none"
        ),
        pytest.param({"hooks": []}, "any more (it was 7)", INSTALL, id="deleted"),
        pytest.param(
            {"hooks": [*hook(), *hook(id="8"), *hook(id="9")]}, "address: 8, 9;", "delete those", id="several"
        ),
        pytest.param({"hooks": hook(active=False)}, "switched off by a person", INSTALL, id="switched off by a person"),
        pytest.param(
            {
                "gitops": settings(provider="gitlab"),
                "hooks": hook(active=False, problem="40 failed", events=("push_events", "merge_requests_events")),
            },
            "switched off by the host: 40 failed",
            INSTALL,
            id="switched off by the host",
        ),
        pytest.param(
            {"hooks": hook(problem="it sends form")}, "says of webhook 7: it sends form", INSTALL, id="a form"
        ),
        pytest.param(
            {"hooks": hook(events=("push",))},
            "does not deliver pull_request; needed are pull_request, push",
            INSTALL,
            id="events",
        ),
        pytest.param({"hooks": hook(verified=False)}, "does not verify our certificate", INSTALL, id="no TLS"),
        pytest.param(
            {"record": record(given="file:former")},
            "given file:former, and file:hook is the first",
            INSTALL,
            id="not given",
        ),
        pytest.param(
            {"matched": {"file:hook": CAME, "file:old": CAME}},
            "still come with file:old",
            "give it file:hook",
            id="another sender",
        ),
    ],
)
def test_what_is_wrong_is_found_with_its_mend(changes: dict[str, Any], what: str, mend: str) -> None:
    (found,) = look(**changes)
    assert (True, True, "finding") == (what in found.what, mend in found.mend, found.severity), found


@pytest.mark.parametrize(
    ("status", "what", "mend"),
    [
        (0, "not answered: the host did not reach us", "PUBLIC_URL"),
        (302, "answered 302: it was sent elsewhere", "no redirect"),
        (400, "no delivery that can be read", INSTALL),
        (401, "a secret that the project does not know", INSTALL),
        (403, "proxy or firewall", "/git/"),
        (404, "no project with GitOps", INSTALL),
        (405, "takes no deliveries", "PUBLIC_URL"),
        (413, "too large", "limit"),
        (415, "application/json", INSTALL),
        (418, "nothing of ours answers so", "between"),
        (429, "no more through", "limit"),
        (503, "git_push was away", "log"),
    ],
)
def test_what_a_status_means_is_said(status: int, what: str, mend: str) -> None:
    (found,) = look(failures=[failure("2026-01-04T11:55:00Z", status)])
    assert (True, True) == (what in found.what, mend in found.mend), found


def test_failures_of_one_kind_are_one_finding() -> None:
    failures = [
        failure("2026-01-04T11:55:00Z", 503),
        failure("2026-01-04T11:56:00Z", 503),
        failure("2026-01-04T11:57:00Z"),
    ]
    found = look(failures=failures, hooks=hook(problem="its last delivery: 401"))
    assert [
        "1 delivery failed, the last at 2026-01-04T11:57:00Z: answered 401: " + meaning(401)[0],
        "2 deliveries failed, the last at 2026-01-04T11:56:00Z: answered 503: " + meaning(503)[0],
    ] == [one.what for one in found]


@pytest.mark.parametrize(
    ("at", "matched", "expected"),
    [
        pytest.param("2026-01-04T09:00:00Z", {"file:hook": CAME}, 0, id="long over, and deliveries arrive"),
        pytest.param("2026-01-04T11:30:00Z", {"file:hook": CAME}, 1, id="within the hour"),
        pytest.param("2026-01-02T09:00:00Z", {"file:hook": "2026-01-01T09:00:00Z"}, 1, id="nothing arrived since"),
        pytest.param("2026-01-02T09:00:00Z", {}, 1, id="nothing ever arrived"),
    ],
)
def test_failures_that_are_over_are_none(at: str, matched: dict[str, str], expected: int) -> None:
    assert expected == len(look(failures=[failure(at)], matched=matched))


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        pytest.param([], None, id="nothing was pushed"),
        pytest.param([("2", 5, True), ("1", 9, False)], None, id="the newest was told of"),
        pytest.param([("3", 0.5, False), ("2", 5, True)], None, id="the newest may be on its way"),
        pytest.param(
            [("3", 2, False), ("2", 5, True), ("1", 9, False)], "2 of the last 3 pushes", id="the newest was not"
        ),
    ],
)
def test_pushes_that_no_delivery_told_of_are_found(heads: list[tuple[str, float, bool]], expected: str | None) -> None:
    seen = [Head(name * 40, (NOW - timedelta(minutes=ago)).isoformat(), told=told) for name, ago, told in heads]
    found = look(heads=seen)
    assert [expected is not None] * len(found) == [expected in one.what for one in found if expected]
    assert bool(found) is (expected is not None)


def test_a_plain_git_server_that_is_silent_is_to_be_set_up() -> None:
    silent = [Head("c" * 40, CAME, told=False)]
    (found,) = look(gitops=settings(provider="git"), hooks=None, heads=silent)
    assert (
        f"git config litmus.url {ADDRESS}; git config litmus.secretFile <a file with the value of file:hook>"
        in found.mend
    )
    (found, more) = look(
        gitops=settings(provider="git", webhook_secrets=()), hooks=None, heads=silent, record=Webhook(REPO)
    )
    assert "no webhook secret" in found.what
    assert "<a file with the webhook secret's value>" in more.mend


def test_a_secret_that_is_being_retired_is_a_note() -> None:
    both = settings(webhook_secrets=("file:hook", "file:old"))
    waiting = record(retiring=("file:old",), given_at="2026-01-04T11:40:00.000Z")
    (note,) = look(gitops=both, record=waiting)
    assert ("note", True) == (note.severity, "may still be on their way" in note.what)
    (note,) = look(gitops=both, record=record(retiring=("file:old",)))
    assert ("note", "file:old stays live: it is about to be retired") == (note.severity, note.what)


def test_a_hook_that_was_switched_on_again_is_a_note_for_a_day() -> None:
    revived = record(revived_at="2026-01-04T09:00:00.000Z", off="it failed 4 times")
    (note,) = look(record=revived)
    assert ("note", True) == (note.severity, "(it failed 4 times); it was switched on again" in note.what)
    assert [] == look(record=revived, now=NOW + timedelta(days=1), heads=[])


def test_a_webhook_that_was_never_given_a_secret_by_us_may_sign_with_any() -> None:
    assert [] == look(record=Webhook(REPO), matched={"file:other": CAME})


def test_without_a_secret_that_can_be_read_none_is_said_to_be_first() -> None:
    assert ["a webhook secret cannot be read: gone"] == [one.what for one in look(unreadable={"file:hook": "gone"})]
