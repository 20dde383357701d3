from __future__ import annotations

from typing import Any

import pytest

from shared.rules.edits import blob_id
from tests.gitserver import git
from tests.services.api.conftest import Api, body, everything
from tests.services.api.shops import CART, EXPERIMENTS, TEXT, etag, opened, put
from tests.services.gitops import FOLDER, Shop, engine

CONFLICTS = "/projects/shop/conflicts"
MINE, THEIRS, MERGED = (TEXT.replace("litmus-admin", name) for name in ("mine", "theirs", "ours"))


@pytest.fixture
def api(shop: Shop) -> Api:
    return opened(shop)


def conflict(api: Api, shop: Shop, text: str = MINE) -> Any:
    """Have git and the portal change the same field, and return the answer to the portal's."""
    read = etag(api)
    shop.person.pull()
    shop.write(cart=THEIRS)
    shop.push()
    return put(api, text, if_match=read, x_editor="Ada <ada@example.com>")


def test_an_overlap_is_answered_with_the_id_of_its_conflict(api: Api, shop: Shop) -> None:
    answer = conflict(api, shop)
    assert (409, "application/problem+json") == (answer.status, answer.headers["Content-Type"])
    (row,) = body(api("GET", CONFLICTS))["items"]
    assert body(answer)["conflict"] == row["id"]
    assert {
        "experiment": "cart-1",
        "path": f"{FOLDER}/cart.yaml",
        "moves": None,
        "author": "Ada <ada@example.com>",
        "removes": False,
    }.items() <= row.items()
    assert "spec.chaosServiceAccount" in row["reason"]
    assert ("conflict", row["reason"]) == ((shown := body(api("GET", CART)))["state"], shown["problem"]["message"])


def test_a_conflict_shows_its_three_sides_and_what_overlaps(api: Api, shop: Shop) -> None:
    name = body(conflict(api, shop))["conflict"]
    shown = body(api("GET", f"{CONFLICTS}/{name}"))
    sides = {side: (shown[side]["blob"], shown[side]["text"]) for side in ("base", "git", "portal")}
    texts = {"base": TEXT, "git": THEIRS, "portal": MINE}
    assert {side: (blob_id(text.encode()), text) for side, text in texts.items()} == sides
    assert ["spec.chaosServiceAccount"] == shown["overlaps"]


def test_a_removal_has_no_portal_side_and_overlaps_as_a_whole(api: Api, shop: Shop) -> None:
    read = etag(api)
    shop.write(cart=THEIRS)
    shop.push()
    answer = api("DELETE", CART, if_match=read)
    shown = body(api("GET", f"{CONFLICTS}/{body(answer)['conflict']}"))
    assert (409, None, True, []) == (answer.status, shown["portal"], shown["removes"], shown["overlaps"])


def test_conflicts_are_paged_to_the_end(api: Api, shop: Shop) -> None:
    names = [body(conflict(api, shop, MINE))["conflict"]]
    for number in range(4):
        text = TEXT.replace("litmus-admin", f"mine-{number}")
        names.append(body(put(api, text, if_match=blob_id(TEXT.encode())))["conflict"])
    assert names == everything(api, CONFLICTS, 2) == everything(api, CONFLICTS, 5)


@pytest.mark.parametrize(
    ("settled", "text", "commit"),
    [
        pytest.param({"take": "git"}, THEIRS, False, id="git"),
        pytest.param({"take": "portal"}, MINE, True, id="portal"),
        pytest.param({"take": "merged", "text": MERGED}, MERGED, True, id="merged"),
    ],
)
def test_a_conflict_is_settled(api: Api, shop: Shop, settled: dict[str, str], text: str, commit: bool) -> None:
    name = body(conflict(api, shop))["conflict"]
    answer = api("POST", f"{CONFLICTS}/{name}/settle", settled, x_editor="Grace <grace@example.com>")
    said = body(answer)
    assert (200, name, settled["take"], False) == (answer.status, said["id"], said["take"], said["merged"])
    assert (shop.head() if commit else None) == said["commit"]
    assert text == shop.shown("cart")
    assert commit == (git("log", "-1", "--format=%an", "main", cwd=shop.bare) == "Grace")
    assert [] == body(api("GET", CONFLICTS))["items"]
    shop.work()
    assert "synced" == body(api("GET", CART))["state"]
    assert [404, 404] == [
        api("GET", f"{CONFLICTS}/{name}").status,
        api("POST", f"{CONFLICTS}/{name}/settle", settled).status,
    ]


def test_a_settlement_that_waits_is_answered_202(api: Api, shop: Shop) -> None:
    name = body(conflict(api, shop))["conflict"]
    shop.server.stop()
    answer = api("POST", f"{CONFLICTS}/{name}/settle", {"take": "portal"})
    assert (202, None, "pending") == (answer.status, body(answer)["commit"], body(answer)["experiment"]["state"])


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        pytest.param({}, 422, id="nothing"),
        pytest.param({"take": "both"}, 422, id="unknown side"),
        pytest.param({"take": "merged"}, 400, id="no text"),
        pytest.param({"take": "git", "text": MERGED}, 400, id="text too many"),
        pytest.param({"take": "merged", "text": "kind: Pod"}, 422, id="no experiment"),
        pytest.param({"take": "merged", "text": "x" * (257 << 10)}, 422, id="too large"),
    ],
)
def test_what_settles_nothing_is_the_senders_fault(api: Api, shop: Shop, wrong: dict[str, str], status: int) -> None:
    name = body(conflict(api, shop))["conflict"]
    assert status == api("POST", f"{CONFLICTS}/{name}/settle", wrong).status
    assert [name] == [row["id"] for row in body(api("GET", CONFLICTS))["items"]]


def test_an_experiment_is_made_without_knowing_its_id(api: Api, shop: Shop) -> None:
    answer = api("POST", EXPERIMENTS, engine("pay").encode(), content_type="application/yaml")
    made = body(answer)
    assert (201, f"{FOLDER}/pay.yaml", shop.head()) == (answer.status, made["path"], made["commit"])
    assert made["id"] == body(api("GET", f"{EXPERIMENTS}/{made['id']}"))["id"]
    assert blob_id(engine("pay").encode()) == answer.headers["ETag"].strip('"')
    again = api("POST", EXPERIMENTS, engine("cart", "cart-1").encode(), content_type="application/yaml")
    assert (409, True) == (again.status, "'cart-1' belongs to litmus/shop/cart.yaml" in body(again)["detail"])


def test_a_new_experiment_waits_for_git(api: Api, shop: Shop) -> None:
    shop.server.stop()
    answer = api("POST", EXPERIMENTS, engine("pay").encode(), content_type="application/yaml")
    assert (202, "pending", None) == (answer.status, body(answer)["state"], body(answer)["commit"])


def test_a_file_is_moved_and_stays_the_same_experiment(api: Api, shop: Shop) -> None:
    path = f"{FOLDER}/checkout/cart.yaml"
    answer = api("POST", f"{CART}/rename", {"path": path}, x_editor="Ada <ada@example.com>")
    assert (200, "cart-1", path, shop.head()) == (
        answer.status,
        body(answer)["id"],
        body(answer)["path"],
        body(answer)["commit"],
    )
    assert path == git("ls-tree", "-r", "--name-only", "main", cwd=shop.bare)
    for wrong in ("cart.txt", "../cart.yaml", "/cart.yaml", "litmus/other/cart.yaml", f"{FOLDER}/.git/a.yaml"):
        assert 422 == api("POST", f"{CART}/rename", {"path": wrong}).status
    assert 404 == api("POST", f"{EXPERIMENTS}/none/rename", {"path": path}).status
