from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.rules.edits import blob_id
from tests.services.api.conftest import Api, body
from tests.services.api.shops import CART, EXPERIMENTS, TEXT, etag, opened, put
from tests.services.gitops import Shop, engine


@pytest.fixture
def api(shop: Shop) -> Api:
    return opened(shop)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for claims that nothing is written."""
    made = Shop(tmp_path_factory.mktemp("still"))
    yield made
    made.close()


def test_a_stale_if_match_overwrites_nothing_and_its_conflict_is_named(api: Api, shop: Shop) -> None:
    read = etag(api)
    assert put(api, TEXT + "# one\n", if_match=read).status == 200
    answer = put(api, TEXT + "# two\n", if_match=read)
    (conflict,) = shop.conflicts.of("shop")
    assert (409, conflict.id) == (answer.status, body(answer)["conflict"])
    assert shop.shown("cart").endswith("# one\n")
    assert api("DELETE", CART, if_match=read).status == 409


def test_a_stale_if_match_is_the_base_of_a_merge_where_nothing_overlaps(api: Api, shop: Shop) -> None:
    read, both = etag(api), TEXT.replace("litmus-admin", "mine").replace("pod-delete", "pod-cpu-hog")
    assert put(api, TEXT.replace("pod-delete", "pod-cpu-hog"), if_match=read).status == 200
    answer = put(api, TEXT.replace("litmus-admin", "mine"), if_match=read)
    assert (200, True, both) == (answer.status, body(answer)["merged"], shop.shown("cart"))
    assert blob_id(both.encode()) == answer.headers["ETag"].strip('"') == etag(api).strip('"')


def test_git_that_moved_meanwhile_is_a_conflict_too(api: Api, shop: Shop) -> None:
    read = etag(api)
    shop.write(cart=TEXT + "# pushed\n")
    shop.push()
    assert put(api, TEXT + "# two\n", if_match=read).status == 409
    assert shop.shown("cart").endswith("# pushed\n")


@pytest.mark.parametrize("header", ["*", "{read}", 'W/"{read}"', '"other", "{read}"', '"{read}"'])
def test_any_way_to_say_what_was_read_is_understood(api: Api, header: str) -> None:
    read = etag(api).strip('"')
    assert put(api, TEXT + "# one\n", if_match=header.replace("{read}", read)).status == 200


@pytest.mark.parametrize("header", ['"', '"a" "b"', "a, b", "\x00"])
def test_an_if_match_that_is_none_is_refused(still: Shop, header: str) -> None:
    api = opened(still)
    assert put(api, TEXT, if_match=header).status == 400


@pytest.mark.parametrize("header", ["*", '"0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"'])
def test_what_is_gone_is_not_made_anew_by_who_edits_it(still: Shop, header: str) -> None:
    api = opened(still)
    assert put(api, engine("pay", "pay-1"), f"{EXPERIMENTS}/pay-1", if_match=header).status == 409
    assert "pay" not in still.experiments()


def test_while_the_git_host_is_away_an_edit_is_pending_and_the_next_builds_upon_it(api: Api, shop: Shop) -> None:
    shop.server.stop()
    first, second = (TEXT + f"# {number}\n" for number in ("one", "two"))
    answer = put(api, first, if_match=etag(api))
    assert (202, "pending") == (answer.status, body(answer)["state"])
    assert first.encode() == api("GET", CART, accept="application/yaml").body
    assert answer.headers["ETag"] == etag(api)
    assert put(api, second, if_match=etag(api)).status == 202
    shop.server.start()
    shop.clock.advance(60)
    shop.work()
    assert second == shop.shown("cart")
    assert ("synced", blob_id(second.encode())) == (body(api("GET", CART))["state"], etag(api).strip('"'))


def test_a_new_experiment_that_waits_has_no_commit_yet(api: Api, shop: Shop) -> None:
    shop.server.stop()
    answer = put(api, engine("pay", "pay-1"), f"{EXPERIMENTS}/pay-1")
    assert (202, "pending", None) == (answer.status, body(answer)["state"], body(answer)["commit"])
    row = next(row for row in body(api("GET", EXPERIMENTS))["items"] if row["id"] == "pay-1")
    assert ("pending", None) == (row["state"], row["commit"])
    assert engine("pay", "pay-1").encode() == api("GET", f"{EXPERIMENTS}/pay-1", accept="application/yaml").body


def test_a_removal_that_waits_shows_what_git_still_has(api: Api, shop: Shop) -> None:
    shop.server.stop()
    answer = api("DELETE", CART)
    assert (202, "pending") == (answer.status, body(answer)["state"])
    assert TEXT.encode() == api("GET", CART, accept="application/yaml").body
