"""Webhooks on loopback hosts that really deliver: installed, checked, rotated under traffic, and healed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.rules.hooks import LOOK
from tests.services.api.conftest import body
from tests.services.dispatch_parts import Killed
from tests.services.gitops import engine
from tests.services.hooked_hosts import STANDS, HostedShop

WEBHOOK = "/projects/shop/webhook"
FIRST, SECOND = "the-first-secret", "the-second-secret"
LATER = LOOK.total_seconds() * 1.25
ON_ONE = pytest.mark.parametrize("shop", ["github"], indirect=True)
"""What does not depend on the host is claimed on one."""


@pytest.fixture(params=sorted(STANDS))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HostedShop]:
    (tmp_path / "host").mkdir()
    made = HostedShop(tmp_path, STANDS[request.param](tmp_path / "host"))
    yield made
    made.close()


@pytest.fixture
def installed(shop: HostedShop) -> HostedShop:
    install(shop)
    return shop


def install(shop: HostedShop) -> Any:
    shop.pass_time()
    answer = shop.api("POST", WEBHOOK)
    assert 200 == answer.status, answer.body
    assert FIRST not in str(answer.body)
    return body(answer)


def refused(shop: HostedShop, status: int = 409, path: str = "", given: object = None) -> str:
    answer = shop.api("POST", WEBHOOK + path, given)
    assert status == answer.status, answer.body
    detail: str = body(answer)["detail"]
    return detail


def rotate(shop: HostedShop, reference: str | None = None) -> Any:
    shop.pass_time()
    answer = shop.api("POST", f"{WEBHOOK}/rotate", {"secret": reference or shop.keep("second", SECOND)})
    assert 200 == answer.status, answer.body
    return body(answer)


def lost_push(shop: HostedShop, name: str = "cart") -> str:
    """Push while `git_push` is away, which it is not any more."""
    shop.leave()
    shop.write(cart=engine(name))
    commit = shop.push()
    shop.arrive()
    return commit


def heal(shop: HostedShop) -> None:
    """Look twice: at first a test delivery is asked for, and when it has come, what failed before it is sent again."""
    before = len(shop.stand.outcomes(shop.hook))
    shop.look(LATER)
    assert before + 1 == len(shop.stand.outcomes(shop.hook))
    shop.stand.age(shop.hook, 2)
    shop.look(90)
    shop.work()


def test_a_push_is_delivered_once_the_webhook_is_installed(shop: HostedShop) -> None:
    given = install(shop)
    assert ("created", "file:hook", [], None) == tuple(
        given[name] for name in ("outcome", "secret", "duplicates", "test")
    )
    shop.write(cart=engine("cart"))
    commit = shop.push()
    shop.work()
    assert ({"cart"}, commit) == (set(shop.experiments()), shop.state().commit)
    assert [] == shop.findings()
    assert [True, True] == shop.stand.outcomes(shop.hook)


def test_installing_again_repairs_the_one_that_is_there(installed: HostedShop) -> None:
    hook = installed.hook
    installed.stand.spoil(hook)
    assert installed.findings()
    given = install(installed)
    assert ("repaired", hook) == (given["outcome"], given["hook"])
    assert ([hook], []) == (installed.stand.hooks(), installed.findings())


def test_each_thing_that_is_wrong_with_a_hook_is_found(installed: HostedShop) -> None:
    installed.stand.spoil(installed.hook)
    found = " ".join(installed.findings())
    assert "does not deliver" in found
    assert "does not verify our certificate" in found


def test_a_second_hook_for_the_same_address_is_named(installed: HostedShop) -> None:
    other = installed.stand.add(f"{installed.hooks.address('shop')}/")
    assert f"deliver to the same address: {other}" in " ".join(installed.findings())
    given = install(installed)
    assert ("repaired", [other]) == (given["outcome"], given["duplicates"])


@ON_ONE
def test_the_hook_moves_with_our_address(installed: HostedShop) -> None:
    hook = installed.hook
    moved = replace(installed.hooks, public_url=installed.hooks.public_url.replace("127.0.0.1", "localhost"))
    assert ("repaired", hook) == ((given := moved.install("shop")).outcome, given.hook)
    assert [(hook, moved.address("shop"))] == [
        (one.id, one.url) for one in moved.host("shop", installed.gitops).hooks()
    ]
    installed.look(LATER)
    assert "gone" == installed.told()[-1]


@ON_ONE
def test_a_portal_that_does_not_know_its_address_reports_no_hook_as_gone(installed: HostedShop) -> None:
    installed.change(repo_url="https://github.com/ada/chaos.git")
    installed.look(LATER)
    (row,) = [row for row in installed.ledger("delivery") if row.verdict == "not looked after"]
    assert "set PUBLIC_URL" in row.reason


@ON_ONE
def test_a_hook_of_somebody_else_is_left_alone(installed: HostedShop) -> None:
    other = installed.stand.add("https://chat.example.org/git/shop")
    before = installed.stand.hooks()
    assert [] == install(installed)["duplicates"]
    assert (before, True) == (installed.stand.hooks(), other in before)


@ON_ONE
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"webhook_secrets": ()}, "the project has no webhook secret: put one"),
        (
            {"webhook_secrets": ("file:none", "file:gone")},
            "none of the webhook secrets file:none, file:gone can be read",
        ),
        ({"enabled": False}, "GitOps is off"),
    ],
)
def test_what_keeps_a_hook_from_being_installed_is_said(
    shop: HostedShop, changes: dict[str, Any], expected: str
) -> None:
    shop.change(**changes)
    assert expected in refused(shop)
    assert [] == shop.stand.hooks()


@ON_ONE
def test_an_address_that_a_public_host_cannot_reach_is_refused(shop: HostedShop) -> None:
    shop.change(repo_url=f"https://{shop.stand.provider}.com/ada/chaos.git")
    said = refused(shop)
    assert f"leads {shop.stand.provider}.com to itself" in said
    assert "set PUBLIC_URL" in said


def test_a_credential_that_may_not_is_said_and_told_once(shop: HostedShop) -> None:
    shop.keep("token", shop.stand.access(denied=True).credential or "")
    assert refused(shop, 403)
    assert "was not asked about its webhooks" in " ".join(shop.findings())
    for _ in range(3):
        shop.look(LATER)
    assert ["not looked after"] == shop.told()


def test_a_delivery_that_failed_is_sent_again_once_the_function_is_back(installed: HostedShop) -> None:
    commit = lost_push(installed)
    assert ["1 delivery failed"] == [found[:17] for found in installed.findings()]
    heal(installed)
    assert ({"cart"}, commit) == (set(installed.experiments()), installed.state().commit)
    assert (1, []) == (installed.told().count("redelivered"), installed.findings())


def test_a_delivery_is_sent_again_once_and_not_for_ever(installed: HostedShop) -> None:
    installed.stand.lose(installed.hook, "lost", datetime.now(UTC) - timedelta(minutes=2))
    for _ in range(4):
        installed.look()
        installed.stand.age(installed.hook, 2)
    assert 1 == len([verdict for verdict in installed.told() if "redelivered" in verdict])


@ON_ONE
def test_nothing_is_sent_again_while_the_function_is_away(installed: HostedShop) -> None:
    installed.leave()
    installed.write(cart=engine("cart"))
    installed.push()
    for seconds in (LATER, 90, LATER):
        installed.look(seconds)
    assert "redelivered" not in installed.told()
    installed.arrive()
    heal(installed)
    assert {"cart"} == set(installed.experiments())


@ON_ONE
def test_many_failures_are_sent_again_a_part_at_a_time(installed: HostedShop) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(22):
        installed.stand.lose(installed.hook, f"lost-{number}", at + timedelta(seconds=number))
    sent = []
    for seconds in (LATER, 90):
        installed.look(seconds)
        sent.append(len([verdict for verdict in installed.told() if "redelivered" in verdict]))
    assert [20, 22] == sent


@ON_ONE
def test_a_rate_limit_ends_a_look_and_is_waited_for(installed: HostedShop) -> None:
    installed.stand.limit(3000)
    installed.look(LATER)
    waited = datetime.fromisoformat(installed.record.look_at) - installed.clock()
    assert timedelta(seconds=2300) < waited < timedelta(seconds=3700)
    assert [] == [verdict for verdict in installed.told() if verdict != "created"]


@ON_ONE
def test_a_look_is_not_due_again_before_its_time(installed: HostedShop) -> None:
    installed.look(LATER)
    waited = datetime.fromisoformat(installed.record.look_at) - installed.clock()
    assert LOOK * 0.8 <= waited < LOOK * 1.2


@ON_ONE
def test_a_hook_that_somebody_deleted_is_told_once_and_not_made_anew(installed: HostedShop) -> None:
    installed.stand.delete(installed.hook)
    for _ in range(3):
        installed.look(LATER)
    assert ([], ["created", "gone"]) == (installed.stand.hooks(), installed.told())
    assert "any more (it was" in " ".join(installed.findings())


@ON_ONE
def test_a_hook_that_never_was_is_not_told_of_as_gone(shop: HostedShop) -> None:
    shop.look()
    assert ([], []) == (shop.stand.hooks(), shop.told())


@ON_ONE
def test_a_host_that_is_away_holds_up_nobody(installed: HostedShop) -> None:
    installed.stand.stop()
    installed.look(LATER)
    assert ["created", "not looked after"] == installed.told()
    assert "was not asked about its webhooks" in " ".join(installed.findings())


def test_a_hook_that_was_made_by_hand_is_looked_after(shop: HostedShop) -> None:
    install(shop)
    hook = shop.hook
    known = shop.hooks.records.load("shop", shop.gitops)
    shop.hooks.records.keep("shop", shop.gitops, **msgspec.structs.asdict(type(known.value)(shop.gitops.repo_url)))
    commit = lost_push(shop)
    heal(shop)
    assert (commit, hook) == (shop.state().commit, shop.record.hook)


def test_a_secret_is_rotated_under_traffic_without_a_single_refusal(installed: HostedShop) -> None:
    hook = installed.hook
    installed.write(cart=engine("cart"))
    installed.push()
    given = rotate(installed)
    assert ("file:second", None, hook) == (given["secret"], given["test"], installed.hook)
    assert SECOND == installed.stand.secret(hook)
    for name in ("a", "b", "c"):
        installed.write(cart=engine(name))
        installed.push()
        installed.look(LATER)
    installed.look(3600)
    installed.write(cart=engine("last"))
    installed.push()
    assert ("file:second",) == installed.gitops.webhook_secrets
    assert False not in installed.stand.outcomes(hook)
    assert ["rotating", "repaired", "retired"] == installed.told()[1:]


@ON_ONE
def test_a_stream_of_deliveries_is_never_refused_while_secrets_are_rotated(installed: HostedShop) -> None:
    head, done = installed.head_of_person(), threading.Event()

    def traffic() -> None:
        while not done.is_set():
            installed.stand.tell(head, head)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(traffic)
        for name in ("file:second", "file:hook", "file:second"):
            installed.keep("second", SECOND)
            rotate(installed, name)
        done.set()
        sending.result()
    outcomes = installed.stand.outcomes(installed.hook)
    assert (False, True) == (False in outcomes, len(outcomes) > 10), outcomes


@ON_ONE
@pytest.mark.parametrize("lives", range(4))
def test_a_rotation_that_is_killed_at_any_write_refuses_nothing_and_is_ended(installed: HostedShop, lives: int) -> None:
    installed.mortal.lives = lives
    try:
        rotate(installed)
    except Killed:
        installed.write(cart=engine("during"))
        installed.push()
        installed.look()
    installed.mortal.lives = None
    installed.write(cart=engine("after"))
    installed.push()
    installed.look(LATER)
    assert SECOND == installed.stand.secret(installed.hook)
    assert "file:hook" in installed.gitops.webhook_secrets
    installed.look(3700)
    assert "file:hook" not in installed.gitops.webhook_secrets
    assert False not in installed.stand.outcomes(installed.hook)


def test_a_hook_with_a_secret_that_nobody_knows_is_found_and_mended(installed: HostedShop) -> None:
    installed.keep("hook", "another value by now")
    installed.write(cart=engine("cart"))
    installed.push()
    (found,) = installed.findings()
    assert "answered 401: the webhook signs with a secret that the project does not know" in found
    install(installed)
    assert True is installed.stand.outcomes(installed.hook)[-1]


def switched_off(shop: HostedShop) -> None:
    """Push for as long as it takes GitLab to switch the hook off, while `git_push` is away."""
    shop.leave()
    for number in range(4):
        shop.write(cart=engine(f"cart-{number}"))
        shop.push()
    shop.stand.refill()


@pytest.mark.parametrize("shop", ["gitlab"], indirect=True)
def test_a_hook_that_the_host_switched_off_is_found_told_and_switched_on(installed: HostedShop) -> None:
    switched_off(installed)
    assert "is switched off by the host: GitLab sends nothing until" in " ".join(installed.findings())
    for _ in range(2):
        installed.look(LATER)
    assert "switched on" not in installed.told()
    assert "a test delivery failed, too" in installed.ledger("delivery")[-1].reason
    installed.arrive()
    installed.stand.age(installed.hook, 2)
    installed.look(LATER)
    installed.stand.refill()
    installed.look(90)
    installed.work()
    assert ({"cart"}, 1) == (set(installed.experiments()), installed.told().count("switched on"))
    notes = [one.what for one in installed.check().findings if one.severity == "note"]
    assert ([], True) == (installed.findings(), "had switched the webhook off" in notes[0])


@pytest.mark.parametrize("shop", ["gitlab"], indirect=True)
def test_a_hook_is_switched_on_no_more_than_once_an_hour(installed: HostedShop) -> None:
    for _ in range(2):
        switched_off(installed)
        installed.arrive()
        installed.look(LATER)
    assert (1, 1) == tuple(installed.told().count(verdict) for verdict in ("switched on", "switched off"))
    installed.stand.refill()
    installed.look(3600)
    assert 2 == installed.told().count("switched on")


@ON_ONE
def test_a_hook_that_a_person_switched_off_stays_so(installed: HostedShop) -> None:
    installed.stand.spoil(installed.hook)
    installed.look(LATER)
    assert "is switched off by a person" in " ".join(installed.findings())
