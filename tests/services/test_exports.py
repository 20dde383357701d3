"""Moving a project to another place loses nothing: what that lacks is offered, and exported or dropped by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict
from shared.rules.identity import mint
from shared.rules.standing import unfit
from shared.services.api.desk import Desk
from shared.services.api.exports import Exporting
from shared.services.api.projects import Projects
from shared.services.exports import Exports, Wanted
from shared.services.offers import offers_of
from shared.services.syncs import Syncs
from shared.services.tables import PROJECTS
from tests.gitserver import Clone, git
from tests.octokit import octokit
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_parts import Killed, MortalStore
from tests.services.forge import Forge
from tests.services.gitops import ADA, FOLDER, POLICY, Shop, engine

EXPORT = "/projects/shop/export"
UNLABELLED = mint("shop", f"{FOLDER}/other.yaml", "")


def api(shop: Shop) -> Api:
    desk = Desk(shop.store, shop.clock, new_id, bytes(32), "https://x.example", allow_local=True)
    return client([*Projects(desk).operations(), *Exporting(desk, exports(shop)).operations()])


def exports(shop: Shop) -> Exports:
    return Exports(shop.store, shop.repositories, shop.clock, new_id)


def move(shop: Shop, **changes: Any) -> None:
    """Change the settings as a person does, and sync."""
    path = "/projects/shop/gitops"
    assert 200 == api(shop)("PUT", path, {**body(api(shop)("GET", path)), **changes}).status
    shop.work()


def filled(shop: Shop) -> None:
    shop.write(cart=engine("cart", "cart"), other=engine("other"), images=POLICY)
    shop.push()
    shop.work()


@pytest.fixture
def moved(shop: Shop) -> Shop:
    """A shop whose project moved from a repository with two experiments and a policy to one that has another."""
    shop.configure(run_on_push="changed")
    filled(shop)
    url = shop.server.create("new.git")
    new = shop.server.clone("new.git")
    new.write(f"{FOLDER}/new.yaml", engine("new", "new"))
    new.push()
    move(shop, repo_url=url)
    return shop


def there(shop: Shop) -> Clone:
    return shop.server.clone("new.git")


def head(shop: Shop) -> str:
    return git("rev-parse", "main", cwd=shop.server.root / "new.git")


def states(shop: Shop) -> dict[str, str]:
    return {name: one.state for name, one in shop.experiments().items()}


def offers(shop: Shop) -> list[str]:
    return sorted(edit.path for edit in offers_of(shop.store, "shop"))


ALL = [f"{FOLDER}/{name}.yaml" for name in ("cart", "images", "other")]


def test_what_the_new_place_lacks_is_offered_and_not_deleted(moved: Shop) -> None:
    assert {"cart": "pending", "other": "pending", "new": "synced"} == states(moved)
    assert (ALL, ()) == (offers(moved), moved.policies())
    cart = moved.experiments()["cart"]
    assert ("", True) == (cart.commit, "litmus-gitops project export" in (cart.problem.message if cart.problem else ""))
    assert ALL == sorted(moved.ledger("sync")[-1].detail["offered"])


@pytest.mark.parametrize("path", [EXPORT, "/projects/shop/sync"], ids=["an export", "a word to sync"])
def test_what_a_call_has_synced_is_synced_in_its_trace(moved: Shop, path: str) -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert api(moved)("POST", path, {}, traceparent=given).status in {200, 202}
    assert given == moved.state().traceparent


def test_what_is_offered_stays_so_while_git_moves_on(moved: Shop) -> None:
    clone = there(moved)
    clone.write(f"{FOLDER}/more.yaml", engine("more", "more"))
    clone.push()
    moved.sync()
    assert (ALL, "pending", ["more"]) == (
        offers(moved),
        states(moved)["cart"],
        [one.ids["experiment"] for one in moved.started],
    )


def test_an_export_is_one_commit_with_the_same_bytes_and_ids_and_starts_nothing(moved: Shop) -> None:
    before = head(moved)
    answer = api(moved)("POST", EXPORT, {}, x_editor=ADA)
    moved.work()
    assert (200, head(moved), 3) == (answer.status, body(answer)["commit"], len(body(answer)["exported"]))
    assert before == git("rev-parse", "main^", cwd=moved.server.root / "new.git")
    assert {"cart": "synced", "other": "synced", "new": "synced"} == states(moved)
    assert ("cart", UNLABELLED) == (moved.experiments()["cart"].id, moved.experiments()["other"].id)
    shown = git("show", f"main:{FOLDER}/cart.yaml", cwd=moved.server.root / "new.git") + "\n"
    assert (engine("cart", "cart"), ["images"], []) == (shown, [one.name for one in moved.policies()], offers(moved))
    assert ([], ADA) == (moved.started, git("log", "-1", "--format=%an <%ae>", cwd=moved.server.root / "new.git"))
    assert ["settled", "settled", "settled", "exported"] == [row.verdict for row in moved.ledger("edit")][::-1]


def test_only_what_is_named_is_exported(moved: Shop) -> None:
    answer = api(moved)("POST", EXPORT, {"experiments": ["cart"]})
    moved.work()
    assert [f"{FOLDER}/cart.yaml"] == [row["path"] for row in body(answer)["exported"]]
    assert ALL[1:] == offers(moved)
    assert 200 == api(moved)("POST", EXPORT, {"policies": [ALL[1]]}).status
    moved.work()
    assert ALL[2:] == offers(moved)


def test_what_is_dropped_is_gone(moved: Shop) -> None:
    answer = api(moved)("POST", EXPORT, {"drop": True})
    assert (200, ALL) == (answer.status, sorted(row["path"] for row in body(answer)["dropped"]))
    assert ({"new": "synced"}, []) == (states(moved), offers(moved))
    assert ["dropped"] * 3 == [row.verdict for row in moved.ledger("edit")]


@pytest.mark.parametrize("given", [{"experiments": ["gone"]}, {"policies": [ALL[0]]}, {"experiments": [""]}])
def test_what_is_not_offered_is_named_and_nothing_is_done(moved: Shop, given: dict[str, Any]) -> None:
    answer = api(moved)("POST", EXPORT, given)
    assert (422, ALL) == (answer.status, offers(moved))


def test_offers_are_listed_in_pages(moved: Shop) -> None:
    first = body(api(moved)("GET", f"{EXPORT}?limit=2"))
    rest = body(api(moved)("GET", f"{EXPORT}?cursor={first['next']}"))
    rows = first["items"] + rest["items"]
    assert (ALL, None) == (sorted(row["path"] for row in rows), rest["next"])
    assert {"cart", UNLABELLED, None} == {row["experiment"] for row in rows}


def test_an_export_of_nothing_commits_nothing(moved: Shop) -> None:
    exports(moved).drop("shop", Wanted(), ADA)
    before = head(moved)
    assert {"exported": [], "commit": None, "pull": None} == body(api(moved)("POST", EXPORT, {}))
    assert before == head(moved)


def test_while_gitops_is_off_nothing_is_exported(moved: Shop) -> None:
    move(moved, enabled=False)
    assert 409 == api(moved)("POST", EXPORT, {}).status


def test_plain_git_has_no_pull_request_for_an_export(moved: Shop) -> None:
    found = PROJECTS.load(moved.store, "shop")
    assert found
    assert found.value.gitops
    gitops = msgspec.structs.replace(found.value.gitops, write_back="pull_request")
    with pytest.raises(Conflict, match="plain git has none"):
        exports(moved).export("shop", gitops, Wanted(), ADA)
    assert ALL == offers(moved)


def test_what_git_holds_in_its_place_is_not_overwritten(moved: Shop) -> None:
    clone = there(moved)
    clone.write(f"{FOLDER}/cart.yaml", engine("cart", "cart", "elsewhere"))
    commit = clone.push()
    answer = api(moved)("POST", EXPORT, {})
    assert (409, commit) == (answer.status, head(moved))
    moved.sync()
    assert ("synced", ALL[1:]) == (states(moved)["cart"], offers(moved))
    assert "and what git has counts" in moved.ledger("edit")[-1].reason


def test_a_person_may_push_it_by_hand_elsewhere_and_it_is_the_same_experiment(moved: Shop) -> None:
    clone = there(moved)
    clone.write(f"{FOLDER}/deep/other.yaml", engine("other"))
    clone.push()
    moved.sync()
    assert ("synced", UNLABELLED) == (states(moved)["deep/other"], moved.experiments()["deep/other"].id)
    assert ALL[:2] == offers(moved)


def test_an_edit_of_what_is_offered_takes_it_to_git(moved: Shop) -> None:
    text = engine("cart", "cart", "edited")
    saved = moved.edits.save("shop", "cart", text.encode(), moved.experiments()["cart"].blob, ADA)
    assert saved.commit == head(moved)
    moved.work()
    assert ("synced", ALL[1:]) == (states(moved)["cart"], offers(moved))
    assert [("cart", saved.commit)] == [(one.ids["experiment"], one.ids["commit"]) for one in moved.started]


def test_a_removal_in_the_portal_ends_the_offer(moved: Shop) -> None:
    moved.edits.delete("shop", "cart", None, ADA)
    moved.work()
    assert ({"other": "pending", "new": "synced"}, ALL[1:]) == (states(moved), offers(moved))


def test_what_is_offered_cannot_be_renamed(moved: Shop) -> None:
    with pytest.raises(Conflict, match="only in the portal"):
        moved.edits.rename("shop", "cart", f"{FOLDER}/x.yaml", ADA)


def test_moving_back_finds_everything_as_it_was(moved: Shop) -> None:
    before = moved.person.push()
    move(moved, repo_url=moved.url)
    assert ({"cart": "synced", "other": "synced", "new": "pending"}, ["images"]) == (
        states(moved),
        [one.name for one in moved.policies()],
    )
    assert ([f"{FOLDER}/new.yaml"], before, []) == (offers(moved), moved.state().commit, moved.started)


def test_another_folder_gets_the_files_under_its_own_paths(shop: Shop) -> None:
    filled(shop)
    move(shop, path="else/where")
    assert ["else/where/cart.yaml", "else/where/images.yaml", "else/where/other.yaml"] == offers(shop)
    move(shop, path="third")
    body(api(shop)("POST", EXPORT, {}))
    shop.work()
    shown = {one.path: (one.id, one.state) for one in shop.experiments().values()}
    assert {"third/cart.yaml": ("cart", "synced"), "third/other.yaml": (UNLABELLED, "synced")} == shown
    assert ([], ["images"]) == (offers(shop), [one.name for one in shop.policies()])


def test_an_offer_of_another_folder_gives_way_to_what_this_one_has_under_its_name(shop: Shop) -> None:
    filled(shop)
    move(shop, path="second")
    shop.person.write("third/cart.yaml", engine("cart", "stranger"))
    shop.person.push()
    move(shop, path="third")
    assert 200 == api(shop)("POST", EXPORT, {"experiments": ["cart"]}).status
    shop.work()
    shown = {one.path: one.id for one in shop.experiments().values() if one.state == "synced"}
    assert {"third/cart.yaml": "stranger", "third/cart-2.yaml": "cart"} == shown


def test_the_same_place_turned_on_again_offers_what_was_removed_meanwhile(shop: Shop) -> None:
    filled(shop)
    move(shop, enabled=False)
    shop.remove("cart")
    shop.push()
    move(shop, enabled=True)
    assert ("pending", [ALL[0]]) == (states(shop)["cart"], offers(shop))


def test_a_file_whose_text_is_not_kept_cannot_be_offered_and_the_ledger_says_so(shop: Shop) -> None:
    shop.write(huge=engine("huge") + "#" * (256 << 10))
    shop.push()
    shop.work()
    move(shop, path="else")
    assert ({}, "dropped") == (shop.experiments(), shop.ledger("edit")[-1].verdict)


def test_an_offer_cannot_be_run(moved: Shop) -> None:
    refusal = unfit(moved.experiments()["cart"], "cart")
    assert refusal
    assert (False, True) == (refusal.wait, "only in the portal" in refusal.reason)


@pytest.fixture
def forged(tmp_path: Path) -> Iterator[Forge]:
    """A project on the loopback GitHub that moved to another folder."""
    octokit("openapi")
    forge = Forge(tmp_path)
    filled(forge)
    move(forge, path="else")
    yield forge
    forge.close()


ELSE = ["else/cart.yaml", "else/images.yaml", "else/other.yaml"]


def test_an_export_by_pull_request_is_one_and_the_same_until_it_is_merged(forged: Forge) -> None:
    before = forged.head()
    answers = [api(forged)("POST", EXPORT, {}, x_editor=ADA) for _ in range(2)]
    assert [(202, 1, None)] * 2 == [(one.status, body(one)["pull"], body(one)["commit"]) for one in answers]
    forged.work()
    assert (before, ELSE, "pending") == (forged.head(), offers(forged), forged.experiments()["else/cart"].state)
    forged.party.merge(1)
    forged.sync()
    assert ([], {"synced"}) == (offers(forged), {one.state for one in forged.experiments().values()})
    assert 1 == len(forged.policies())


def test_closing_the_pull_request_of_an_export_keeps_the_offers(forged: Forge) -> None:
    api(forged)("POST", EXPORT, {})
    forged.closed(1)
    forged.sync()
    assert ELSE == offers(forged)
    assert 2 == body(api(forged)("POST", EXPORT, {}))["pull"]


def test_a_protected_branch_gets_the_export_by_pull_request(forged: Forge) -> None:
    move(forged, write_back="commit")
    forged.protect()
    assert 202 == api(forged)("POST", EXPORT, {}).status
    assert ELSE == offers(forged)


@pytest.mark.parametrize("early", [pytest.param(False, id="after"), pytest.param(True, id="just before")])
def test_a_death_at_any_commit_of_the_move_or_the_export_loses_nothing(early: bool, shops: Callable[[], Shop]) -> None:
    commits, death = 1, 0
    while death < commits:
        shop = shops()
        filled(shop)
        mortal = MortalStore(shop.store)
        shop.syncs = Syncs(mortal, shop.repositories, shop.leases, shop.clock, new_id)
        mortal.lives, mortal.early = death, early
        alive(shop, lambda shop=shop: move(shop, path="else"))  # type: ignore[misc]
        assert (["else/cart.yaml", "else/images.yaml", "else/other.yaml"], 2) == (offers(shop), len(states(shop)))
        export = Exports(mortal, shop.repositories, shop.clock, new_id)
        gitops = PROJECTS.load(shop.store, "shop").value.gitops  # type: ignore[union-attr]
        alive(shop, lambda export=export, gitops=gitops: export.export("shop", gitops, Wanted(), ADA))  # type: ignore[misc]
        alive(shop, shop.sync)
        assert ({"synced"}, [], 1) == (set(states(shop).values()), offers(shop), len(shop.policies()))
        commits, death = mortal.commits, death + 1


def alive(shop: Shop, act: Callable[[], object]) -> None:
    while True:
        try:
            act()
            shop.work()
        except Killed:
            shop.queue.void_leases()
            shop.clock.advance(200)
            continue
        return
