"""A plain git server has no webhooks to install: it is set up by hand, checked, and its secret rotated."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import SECRET, STRANGER
from tests.services.api.conftest import body
from tests.services.dispatch_parts import Killed
from tests.services.gitops import engine
from tests.services.hooked import HookShop

WEBHOOK = "/projects/shop/webhook"
OLD, NEW = STRANGER, SECRET


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[HookShop]:
    made = HookShop(tmp_path)
    made.configure(webhook_secrets=(made.keep("old", OLD),))
    made.keep("new", NEW)
    yield made
    made.close()


def rotate(shop: HookShop, reference: str = "file:new") -> Any:
    shop.pass_time()
    answer = shop.api("POST", f"{WEBHOOK}/rotate", {"secret": reference})
    assert 200 == answer.status, answer.body
    return body(answer)


def refused(shop: HookShop, path: str, given: object = None, status: int = 409) -> str:
    """Return the reason of a refusal, which holds no secret."""
    answer = shop.api("POST", f"{WEBHOOK}{path}", given)
    assert (status, False) == (answer.status, OLD in str(answer.body) or NEW in str(answer.body))
    detail: str = body(answer)["detail"]
    return detail


def test_installing_says_how_a_plain_server_is_set_up(shop: HookShop) -> None:
    said = refused(shop, "")
    assert "copy infra/git/post-receive to hooks/post-receive" in said
    assert f"git config litmus.url http://127.0.0.1:{shop.port}/git/shop" in said
    assert "file with the value of file:old" in said


@pytest.mark.parametrize("path", ["", "/rotate", "/retire"])
def test_what_is_off_or_unknown_has_no_webhook(shop: HookShop, path: str) -> None:
    given = {"secret": "file:new"} if path else None
    shop.change(enabled=False)
    assert "GitOps is off" in refused(shop, path, given)
    answer = shop.api("POST", f"/projects/bank/webhook{path}", given)
    assert (404, True) == (answer.status, "no project 'bank'" in body(answer)["detail"])
    assert 409 == shop.api("GET", WEBHOOK).status


def test_a_project_whose_deliveries_come_is_in_order(shop: HookShop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.write(cart=engine("other"))
    assert 202 == shop.deliver(OLD, shop.person.push())
    shop.work()
    checked = shop.check()
    assert ((), "git", None) == (checked.findings, checked.provider, checked.hook)
    (secret,) = checked.secrets
    assert ("file:old", True, False) == (secret.reference, secret.readable, secret.retiring)
    assert secret.matched_at


def test_pushes_that_nobody_told_of_are_found(shop: HookShop) -> None:
    for name in ("cart", "other", "third"):
        shop.write(cart=engine(name))
        shop.push()
        shop.work()
        shop.pass_time(1)
    assert [] == shop.findings()
    shop.pass_time(120)
    (found,) = shop.check().findings
    assert "no delivery told of 2 of the last 2 pushes" in found.what
    assert "hooks/post-receive" in found.mend
    shop.deliver(OLD, shop.head())
    assert [] == shop.findings()


def test_a_secret_that_cannot_be_read_is_found(shop: HookShop) -> None:
    shop.change(webhook_secrets=("file:old", "file:none"))
    assert ["a webhook secret cannot be read: the secret file:none cannot be read as text in UTF-8"] == shop.findings()
    assert [True, False] == [one.readable for one in shop.check().secrets]


def test_a_rotation_never_refuses_a_delivery(shop: HookShop) -> None:
    given = rotate(shop)
    assert ("to do", "file:new", True) == (given["outcome"], given["secret"], "post-receive" in given["todo"])
    assert ("file:new", "file:old") == shop.gitops.webhook_secrets
    assert [202, 202] == [shop.deliver(OLD), shop.deliver(NEW)]
    shop.look(after=3500)
    assert "file:old" in shop.gitops.webhook_secrets
    shop.look(after=200)
    assert "file:old" not in shop.gitops.webhook_secrets
    assert [202, 401] == [shop.deliver(NEW), shop.deliver(OLD)]
    assert ["rotating", "rotated", "retired"] == shop.told()


def test_a_secret_stays_for_as_long_as_the_new_one_never_came(shop: HookShop) -> None:
    rotate(shop)
    for _ in range(3):
        shop.look(after=24 * 3600)
    assert "no delivery has come with file:new yet" in refused(shop, "/retire", {})
    assert ("file:new", "file:old") == shop.gitops.webhook_secrets
    (note,) = shop.check().findings
    assert ("note", True) == (note.severity, "file:old stays live: no delivery has come with file:new" in note.what)


def test_a_secret_stays_where_the_new_one_is_gone(shop: HookShop) -> None:
    rotate(shop)
    shop.deliver(NEW)
    (shop.secrets / "new").unlink()
    shop.look(after=2 * 3600)
    assert ("file:new", "file:old") == shop.gitops.webhook_secrets
    assert 202 == shop.deliver(OLD)


def test_a_secret_stays_where_somebody_took_the_new_one_out_of_the_settings(shop: HookShop) -> None:
    rotate(shop)
    shop.deliver(NEW)
    shop.change(webhook_secrets=("file:old",))
    shop.look(after=2 * 3600)
    assert ("file:old",) == shop.gitops.webhook_secrets


def test_a_person_may_retire_a_secret_as_soon_as_the_new_one_came(shop: HookShop) -> None:
    rotate(shop)
    shop.deliver(NEW)
    assert ["file:old"] == body(shop.api("POST", f"{WEBHOOK}/retire", {}))["retired"]
    assert (("file:new",), ()) == (shop.gitops.webhook_secrets, shop.record.retiring)
    assert "no secret is to be retired" in refused(shop, "/retire", {})
    assert "file:old is not live: the project's webhook secrets are file:new" in refused(
        shop, "/retire", {"secret": "file:old"}
    )
    assert "was not given another secret" in refused(shop, "/retire", {"secret": "file:new"})


def test_a_rotation_can_be_repeated_and_goes_on_from_where_it_is(shop: HookShop) -> None:
    assert rotate(shop) == rotate(shop)
    assert ["rotating", "rotated"] == shop.told()
    shop.keep("third", "the third secret")
    rotate(shop, "file:third")
    assert ("file:third", "file:new", "file:old") == shop.gitops.webhook_secrets
    assert ("file:new", "file:old") == shop.record.retiring
    rotate(shop, "file:old")
    assert (("file:old", "file:third", "file:new"), ("file:third", "file:new")) == (
        shop.gitops.webhook_secrets,
        shop.record.retiring,
    )


def test_a_secret_that_another_sender_may_use_is_not_retired_with_the_one_that_is_replaced(shop: HookShop) -> None:
    rotate(shop)
    shop.change(webhook_secrets=("file:new", "file:mirror"))
    shop.keep("third", "the third secret")
    rotate(shop, "file:third")
    assert ("file:new",) == shop.record.retiring


def test_a_rotation_that_broke_off_is_ended_by_the_next_look(shop: HookShop) -> None:
    shop.mortal.lives = 0
    with pytest.raises(Killed):
        rotate(shop)
    assert (None, ("file:old",)) == (shop.record.given, shop.record.retiring)
    assert [202, 202] == [shop.deliver(OLD), shop.deliver(NEW)]
    shop.work()
    assert "file:new" == shop.record.given


@pytest.mark.parametrize(
    ("given", "status", "expected"),
    [
        ({"secret": "file:none"}, 409, "write it before it is rotated to"),
        ({"secret": "hunter2"}, 422, "named by reference"),
        ({}, 422, "secret"),
        ({"secret": None}, 422, "secret"),
    ],
)
def test_a_secret_that_is_none_is_not_rotated_to(
    shop: HookShop, given: dict[str, str], status: int, expected: str
) -> None:
    said = refused(shop, "/rotate", given, status)
    assert (True, False) == (expected in said, "hunter2" in said)
    assert ("file:old",) == shop.gitops.webhook_secrets


def test_a_project_has_no_more_secrets_than_can_be_tried(shop: HookShop) -> None:
    shop.change(webhook_secrets=tuple(f"file:s{number}" for number in range(10)))
    assert "retire one before the next" in refused(shop, "/rotate", {"secret": "file:new"})


def test_two_do_not_see_to_the_same_hook_at_a_time(shop: HookShop) -> None:
    with shop.hooks.alone("shop"):
        assert "is being seen to" in refused(shop, "/rotate", {"secret": "file:new"}, 503)
    assert rotate(shop)["secret"] == "file:new"


def test_a_person_waits_for_reconcile_to_be_done_with_the_hook(shop: HookShop) -> None:
    with ThreadPoolExecutor(1) as pool:
        with shop.hooks.alone("shop"):
            waiting = pool.submit(rotate, shop)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        assert "file:new" == waiting.result()["secret"]


def test_what_is_known_of_a_hook_is_of_its_repository(shop: HookShop) -> None:
    rotate(shop)
    shop.change(repo_url=shop.server.create("other.git"))
    assert None is shop.check().given
    rotate(shop, "file:old")
    assert ("file:old", "file:new") == shop.gitops.webhook_secrets
