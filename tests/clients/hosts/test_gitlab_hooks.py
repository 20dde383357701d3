from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from shared.errors import Invalid, NotFound, NotYet, Unauthenticated
from shared.model.hosting import Hook
from shared.wire import gitlab as wire
from shared.wire.pushes import Secret
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import host

SIGNING = "whsec_bWFkZSB1cCBmb3IgdGVzdHMgb25seSwgMzIgYnl0ZXM="  # gitleaks:allow
SHORT = "whsec_bWFkZSB1cCBmb3IgdGVzdHMgb25seQ=="  # gitleaks:allow
PLAIN = "a-plain-secret-token"


class Portal:
    """Takes deliveries and answers as it is told to."""

    def __init__(self) -> None:
        self.status = 202
        self.taken: list[tuple[dict[str, str], bytes]] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                portal.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(portal.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/git/chaos"

    def verified(self, secret: str) -> str:
        """Return the event of the last delivery, once the product's own receiver has verified it."""
        headers, body = self.taken[-1]
        wire.verify(headers, body, [Secret("file:hook", secret)], time.time())
        return headers["x-gitlab-event"]


@pytest.fixture
def portal() -> Iterator[Portal]:
    opened = Portal()
    Thread(target=opened.server.serve_forever, args=(0.02,), daemon=True).start()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


@pytest.mark.parametrize(
    ("release", "secret", "signed"),
    [
        pytest.param((19, 4), SIGNING, True, id="signing-token"),
        pytest.param((18, 11), SIGNING, False, id="gitlab-that-signs-nothing"),
        pytest.param((19, 4), SHORT, False, id="key-that-gitlab-cannot-take"),
        pytest.param((19, 4), PLAIN, False, id="secret-token"),
    ],
)
def test_our_receiver_accepts_what_a_hook_delivers(
    gitlab: GitLabParty, portal: Portal, release: tuple[int, int], secret: str, signed: bool
) -> None:
    gitlab.server.state.release = release
    host(gitlab).save_hook(portal.url, secret)
    gitlab.clone.push()
    assert "Push Hook" == portal.verified(secret)
    gitlab.branch("change", cart="kind: Workflow\n")
    gitlab.open("change", "main", "Change")
    assert "Merge Request Hook" == portal.verified(secret)
    assert signed == ("webhook-signature" in portal.taken[-1][0])
    assert signed == ("x-gitlab-token" not in portal.taken[-1][0])


@pytest.mark.parametrize(
    ("old", "new"),
    [(PLAIN, SIGNING), (SIGNING, PLAIN), (SIGNING, SIGNING.replace("bWF", "eWF")), (PLAIN, "another-token")],
    ids=["plain-to-signing", "signing-to-plain", "signing-to-signing", "plain-to-plain"],
)
def test_after_a_rotation_only_the_new_secret_is_used(gitlab: GitLabParty, portal: Portal, old: str, new: str) -> None:
    first = host(gitlab).save_hook(portal.url, old)
    again = host(gitlab).save_hook(portal.url, new, first.id)
    assert [again] == host(gitlab).hooks()
    gitlab.clone.push()
    assert "Push Hook" == portal.verified(new)
    assert old not in str(portal.taken[-1][0])
    with pytest.raises(Unauthenticated):
        portal.verified(old)


def test_a_hook_hears_of_pushes_and_merge_requests_on_all_branches(gitlab: GitLabParty, portal: Portal) -> None:
    made = host(gitlab).save_hook(portal.url, PLAIN)
    assert Hook(made.id, portal.url, ("push_events", "merge_requests_events")) == made
    settings = gitlab.project.hooks[int(made.id)].settings
    assert ("all_branches", True) == (settings["branch_filter_strategy"], settings["enable_ssl_verification"])


def test_a_hook_that_a_person_crippled_is_mended(gitlab: GitLabParty, portal: Portal) -> None:
    made = host(gitlab).save_hook(portal.url, PLAIN)
    broken = {"push_events": False, "enable_ssl_verification": False, "push_events_branch_filter": "release"}
    gitlab.project.hooks[int(made.id)].settings |= {**broken, "branch_filter_strategy": "wildcard"}
    (found,) = host(gitlab).hooks()
    assert (("merge_requests_events",), False) == (found.events, found.verified)
    assert made == host(gitlab).save_hook(portal.url, PLAIN, made.id)


def failing(gitlab: GitLabParty, portal: Portal, times: int) -> Hook:
    """Have a hook fail so often that GitLab sends it nothing any more."""
    made = host(gitlab).save_hook(portal.url, PLAIN)
    portal.status = 401
    for _ in range(times):
        gitlab.clone.push()
        gitlab.server.later(days=2)
    (found,) = host(gitlab).hooks()
    assert made.id == found.id
    return found


def test_a_hook_is_active_until_its_fourth_failure(gitlab: GitLabParty, portal: Portal) -> None:
    assert failing(gitlab, portal, 3).active


def test_a_paused_hook_says_until_when(gitlab: GitLabParty, portal: Portal) -> None:
    failing(gitlab, portal, 3)
    gitlab.clone.push()
    (found,) = host(gitlab).hooks()
    until = gitlab.project.hooks[int(found.id)].disabled_until
    assert not found.active
    assert until is not None
    assert until.strftime("%Y-%m-%dT%H:%M:%S") in (found.problem or "")


def switched_off(gitlab: GitLabParty, portal: Portal) -> Hook:
    """Have GitLab give a hook up."""
    made = host(gitlab).save_hook(portal.url, PLAIN)
    portal.status = 401
    gitlab.project.hooks[int(made.id)].failures = 39
    gitlab.clone.push()
    (found,) = host(gitlab).hooks()
    assert not found.active
    assert "any more" in (found.problem or "")
    return found


def test_a_hook_that_gitlab_switched_off_is_on_again_once_a_test_succeeds(gitlab: GitLabParty, portal: Portal) -> None:
    off = switched_off(gitlab, portal)
    portal.status = 202
    saved = host(gitlab).save_hook(portal.url, PLAIN, off.id)
    assert (off.id, True, None) == (saved.id, saved.active, saved.problem)
    assert [saved] == host(gitlab).hooks()


def test_a_hook_that_stays_switched_off_is_replaced(gitlab: GitLabParty, portal: Portal) -> None:
    off = switched_off(gitlab, portal)
    saved = host(gitlab).save_hook(portal.url, PLAIN, off.id)
    assert saved.active
    assert off.id != saved.id
    assert [saved] == host(gitlab).hooks()


def test_a_test_that_fails_says_what_was_answered(gitlab: GitLabParty, portal: Portal) -> None:
    made = host(gitlab).save_hook(portal.url, PLAIN)
    portal.status = 401
    with pytest.raises(Invalid, match="401"):
        host(gitlab).test_hook(made.id)


def test_five_tests_a_minute_are_enough_for_gitlab(gitlab: GitLabParty, portal: Portal) -> None:
    made, access = host(gitlab).save_hook(portal.url, PLAIN), host(gitlab)
    for _ in range(5):
        access.test_hook(made.id)
    with pytest.raises(NotYet) as raised:
        access.test_hook(made.id)
    assert 60 == raised.value.seconds


def test_a_delivery_that_nothing_answered_has_no_status(gitlab: GitLabParty, portal: Portal) -> None:
    made = host(gitlab).save_hook("http://127.0.0.1:9/git/chaos", PLAIN)
    gitlab.clone.push()
    (failed,) = host(gitlab).failed_deliveries(made.id, datetime.now(UTC) - timedelta(hours=1))
    assert (0, "Push Hook") == (failed.status, failed.event)
    with pytest.raises(Invalid, match="TCP"):
        host(gitlab).redeliver(made.id, failed.id)
    moved = host(gitlab).save_hook(portal.url, PLAIN, made.id)
    with pytest.raises(Invalid, match="URL has changed"):
        host(gitlab).redeliver(moved.id, failed.id)


def test_a_lost_push_comes_again_as_it_was(gitlab: GitLabParty, portal: Portal) -> None:
    made = host(gitlab).save_hook(portal.url, SIGNING)
    portal.status = 503
    gitlab.clone.push()
    (failed,) = host(gitlab).failed_deliveries(made.id, datetime.now(UTC) - timedelta(hours=1))
    portal.status = 202
    host(gitlab).redeliver(made.id, failed.id)
    (first, _), (again, _) = portal.taken
    assert first["webhook-id"] == again["webhook-id"] == failed.delivery
    assert portal.taken[0][1] == portal.taken[1][1]
    assert "Push Hook" == portal.verified(SIGNING)


def test_a_gitlab_that_does_not_tell_times_lists_what_failed_all_the_same(gitlab: GitLabParty) -> None:
    made = host(gitlab).save_hook("http://127.0.0.1:9/git/chaos", PLAIN)
    gitlab.clone.push()
    gitlab.server.state.tells_times = False
    since = datetime.now(UTC) - timedelta(hours=1)
    assert [since.isoformat()] == [one.at for one in host(gitlab).failed_deliveries(made.id, since)]


@pytest.mark.parametrize("name", ["", "..", "1/../2", "\u0661"])
def test_only_numbers_name_hooks(gitlab: GitLabParty, name: str) -> None:
    for call in (
        lambda: host(gitlab).test_hook(name),
        lambda: host(gitlab).redeliver("1", name),
        lambda: host(gitlab).failed_deliveries(name, datetime.now(UTC)),
        lambda: host(gitlab).save_hook("https://portal.example.com", PLAIN, name),
    ):
        with pytest.raises(NotFound):
            call()


def test_an_address_that_gitlab_will_not_call_is_refused_without_the_secret(gitlab: GitLabParty) -> None:
    gitlab.server.state.local_hooks = False
    with pytest.raises(Invalid, match="Invalid url given") as raised:
        host(gitlab).save_hook("http://127.0.0.1:9/git/chaos", PLAIN)
    assert PLAIN not in str(raised.value)


@pytest.mark.soak
def test_no_more_is_read_than_the_newest_two_thousand_attempts(gitlab: GitLabParty) -> None:
    made = host(gitlab).save_hook("https://portal.example.com", PLAIN)
    since = datetime.now(UTC) - timedelta(hours=1)
    for place in range(2010):
        gitlab.deliver(made.id, f"lost-{place}", 503, since + timedelta(seconds=place))
    found = host(gitlab).failed_deliveries(made.id, since)
    assert (2000, "lost-10") == (len(found), found[0].delivery)
