from __future__ import annotations

from shared.model.experiments import Problem
from shared.model.policies import PolicyBook
from shared.rules.edits import blob_id
from shared.rules.identity import mint
from shared.services.tables import POLICIES
from tests.gitserver import git
from tests.services.gitops import BROKEN, FOLDER, POLICY, Shop, engine


def test_a_pushed_manifest_becomes_an_experiment(shop: Shop) -> None:
    shop.write(cart=engine("cart", "L"))
    commit = shop.push()
    shop.work()
    cart = shop.experiments()["cart"]
    assert ("L", "cart", "ChaosEngine", "synced", commit) == (cart.id, cart.name, cart.kind, cart.state, cart.commit)
    assert engine("cart", "L").encode() == shop.text(cart.blob)
    assert ["pod-delete"] == [fault.name for fault in cart.manifest.faults] if cart.manifest else False


def test_the_state_says_how_far_the_sync_is(shop: Shop) -> None:
    shop.write(cart=engine("cart"), broken=BROKEN)
    commit = shop.push()
    assert 1 == shop.state().dirty - shop.state().clean
    shop.work()
    state = shop.state()
    assert (commit, commit, 1, None) == (state.commit, state.head, state.invalid, state.problem)
    assert (state.dirty, git("rev-parse", f"main:{FOLDER}", cwd=shop.bare)) == (state.clean, state.tree)


def test_the_ledger_says_what_a_sync_changed(shop: Shop) -> None:
    shop.write(cart=engine("cart"), gone=engine("gone"), moved=engine("moved"))
    shop.push()
    shop.work()
    shop.write(cart=engine("cart", namespace="other"), new=engine("new"), broken=BROKEN, images=POLICY)
    shop.remove("gone")
    (shop.person.folder / FOLDER / "moved.yaml").rename(shop.person.folder / FOLDER / "there.yaml")
    commit = shop.push()
    shop.work()
    row = shop.ledger("sync")[-1]
    reason = "2 added, 1 changed, 1 moved, 1 removed, policies changed; 1 invalid at commit " + commit[:12]
    assert ("synced", reason, commit) == (row.verdict, row.reason, row.subject)
    assert {
        "added": [f"{FOLDER}/broken.yaml", f"{FOLDER}/new.yaml"],
        "changed": [f"{FOLDER}/cart.yaml"],
        "moved": [f"{FOLDER}/there.yaml"],
        "removed": [f"{FOLDER}/gone.yaml"],
        "offered": [],
        "policies": ["images"],
        "invalid": [
            {"path": f"{FOLDER}/broken.yaml", "message": shop.experiments()["broken"].problem.message}  # type: ignore[union-attr]
            | {"line": 2, "column": 1}
        ],
    } == row.detail


def test_a_broken_file_is_invalid_with_its_place_and_the_others_sync(shop: Shop) -> None:
    shop.write(cart=engine("cart"), broken=BROKEN)
    shop.push()
    shop.work()
    shown = shop.experiments()
    assert {"cart": "synced", "broken": "invalid"} == {name: one.state for name, one in shown.items()}
    problem = shown["broken"].problem
    assert problem
    assert (2, 1) == (problem.line, problem.column)
    assert BROKEN.encode() == shop.text(shown["broken"].blob)


def test_a_mended_file_is_the_same_experiment(shop: Shop) -> None:
    shop.write(cart=BROKEN)
    shop.push()
    shop.work()
    before = shop.experiments()["cart"]
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    after = shop.experiments()["cart"]
    assert (before.id, "synced", None) == (after.id, after.state, after.problem)


def test_a_file_too_large_is_invalid_and_its_text_is_not_kept(shop: Shop) -> None:
    text = engine("cart") + "#" * (256 << 10)
    shop.write(cart=text)
    shop.push()
    shop.work()
    cart = shop.experiments()["cart"]
    assert "invalid" == cart.state
    assert (blob_id(text.encode()), None) == (cart.blob, shop.text(cart.blob))


def test_a_deleted_file_removes_its_experiment(shop: Shop) -> None:
    shop.write(cart=engine("cart"), other=engine("other"))
    shop.push()
    shop.work()
    shop.remove("cart")
    shop.push()
    shop.work()
    assert {"other"} == shop.experiments().keys()


def test_the_last_file_may_be_deleted_and_the_folder_with_it(shop: Shop) -> None:
    shop.write(cart=engine("cart"), images=POLICY)
    shop.push()
    shop.work()
    shop.remove("cart", "images")
    commit = shop.push()
    shop.work()
    assert ({}, (), commit, None) == (shop.experiments(), shop.policies(), shop.state().commit, shop.state().tree)


def test_a_renamed_file_keeps_its_id(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    (shop.person.folder / FOLDER / "cart.yaml").rename(shop.person.folder / FOLDER / "basket.yaml")
    shop.push()
    shop.server.exchanges.clear()
    shop.work()
    assert mint("shop", f"{FOLDER}/cart.yaml", "") == shop.experiments()["basket"].id
    assert 2 == len(shop.server.exchanges)


def test_a_second_file_with_a_taken_id_is_invalid_alone(shop: Shop) -> None:
    shop.write(cart=engine("cart", "L"))
    shop.push()
    shop.work()
    shop.write(aaa=engine("aaa", "L"))
    shop.push()
    shop.work()
    shown = shop.experiments()
    assert ("L", "synced") == (shown["cart"].id, shown["cart"].state)
    assert Problem(f"workflow_id 'L' belongs to {FOLDER}/cart.yaml: give this file another") == shown["aaa"].problem


def test_policies_go_into_the_book(shop: Shop) -> None:
    shop.write(images=POLICY, cart=engine("cart"))
    shop.push()
    shop.work()
    [policy] = shop.policies()
    assert ("images", f"{FOLDER}/images.yaml", blob_id(POLICY.encode())) == (policy.name, policy.path, policy.blob)
    assert {"cart"} == shop.experiments().keys()


def test_a_policy_that_breaks_stays_one_and_says_why(shop: Shop) -> None:
    shop.write(images=POLICY)
    shop.push()
    shop.work()
    shop.write(images="\t")
    shop.push()
    shop.work()
    [policy] = shop.policies()
    assert ("images", True, 1) == (policy.name, policy.problem is not None, shop.state().invalid)


def test_an_equal_book_is_not_written_again(shop: Shop) -> None:
    shop.write(images=POLICY)
    shop.push()
    shop.work()
    before = POLICIES.load_or(shop.store, PolicyBook(), "shop").version
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    assert before == POLICIES.load_or(shop.store, PolicyBook(), "shop").version


def test_a_push_beside_the_folder_reads_no_files(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.person.write("README.md", "hello")
    commit = shop.push()
    shop.server.exchanges.clear()
    shop.work()
    assert (commit, "unchanged") == (shop.state().commit, shop.ledger("sync")[-1].verdict)
    assert 2 == len(shop.server.exchanges)


def test_a_repeated_delivery_costs_one_request(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.server.exchanges.clear()
    shop.sync()
    assert 1 == len(shop.server.exchanges)
    assert "nothing changed" in shop.ledger("sync")[-1].reason


def test_many_deliveries_at_once_are_one_sync(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    for _ in range(20):
        shop.tell()
    shop.work()
    assert 1 == len(shop.ledger("sync"))


def test_a_forced_push_is_followed(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    git("checkout", "-q", "--orphan", "anew", cwd=shop.person.folder)
    shop.remove("cart")
    shop.write(other=engine("other"))
    commit = shop.person.push("Begin again.", "--force")
    shop.sync()
    assert ({"other"}, commit) == (set(shop.experiments()), shop.state().commit)


def test_a_thousand_experiments_are_imported_and_one_change_reads_one(shop: Shop) -> None:
    shop.write(**{f"e{number:04}": engine(f"e{number}") for number in range(1000)})
    shop.push()
    shop.work()
    assert 1000 == len(shop.experiments())
    shop.write(e0007=engine("changed"))
    commit = shop.push()
    shop.server.exchanges.clear()
    shop.work()
    changed = shop.experiments()["e0007"]
    assert ("changed", commit) == (changed.name, changed.commit)
    assert [[], [commit], [changed.blob]] == [exchange.wants for exchange in shop.server.exchanges]
    assert {commit} == {one.commit for one in shop.experiments().values() if one.name == "changed"}
