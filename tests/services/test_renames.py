"""Renames: one commit from the old path to the new one, and the same experiment all along."""

from __future__ import annotations

import pytest

from shared.errors import Conflict, Invalid, NotFound, Overlap
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, Shop, engine

BASE = engine("cart")
GIT = BASE.replace("pod-delete", "pod-cpu-hog")
OLD, NEW = f"{FOLDER}/cart.yaml", f"{FOLDER}/checkout/cart.yml"


@pytest.fixture
def cart(shop: Shop) -> Shop:
    """The shop with one synced experiment, without a label, in cart.yaml."""
    shop.write(cart=BASE)
    shop.push()
    shop.work()
    return shop


def id_of(shop: Shop) -> str:
    return shop.experiments()["cart"].id


def at(shop: Shop, path: str) -> str:
    return git("show", f"main:{path}", cwd=shop.bare) + "\n"


def files(shop: Shop) -> list[str]:
    return git("ls-tree", "-r", "--name-only", "main", cwd=shop.bare).splitlines()


def come_back(shop: Shop) -> None:
    shop.server.start()
    shop.clock.advance(120)
    shop.work()


def test_a_rename_is_one_commit_and_keeps_the_id(cart: Shop) -> None:
    experiment, head = id_of(cart), cart.head()
    saved = cart.edits.rename("shop", experiment, NEW, ADA)
    assert ([NEW], BASE, head) == (files(cart), at(cart, NEW), git("rev-parse", "main~1", cwd=cart.bare))
    assert (experiment, NEW, saved.commit) == (saved.experiment.id, saved.experiment.path, cart.head())
    assert f"{ADA}|Rename {OLD} to {NEW}" == git("log", "-1", "--format=%an <%ae>|%s", "main", cwd=cart.bare)
    cart.sync()
    assert [(experiment, NEW, "synced")] == [(one.id, one.path, one.state) for one in cart.experiments().values()]


def test_a_rename_takes_along_what_git_changed(cart: Shop) -> None:
    cart.write(cart=GIT)
    cart.person.push()
    saved = cart.edits.rename("shop", id_of(cart), NEW, ADA)
    assert ([NEW], GIT, True) == (files(cart), at(cart, NEW), saved.merged)


def test_a_broken_file_can_be_renamed(shop: Shop) -> None:
    shop.write(cart=BROKEN)
    shop.push()
    shop.work()
    saved = shop.edits.rename("shop", id_of(shop), NEW, ADA)
    assert ([NEW], "invalid") == (files(shop), saved.experiment.state)


def test_a_rename_waits_and_edits_follow_it(cart: Shop) -> None:
    experiment = id_of(cart)
    cart.server.stop()
    assert cart.edits.rename("shop", experiment, NEW, ADA).commit is None
    cart.edits.save("shop", experiment, GIT.encode(), None, ADA)
    come_back(cart)
    assert ([NEW], GIT, []) == (files(cart), at(cart, NEW), cart.open_edits())
    assert [(experiment, NEW)] == [(one.id, one.path) for one in cart.experiments().values()]


def test_what_git_renamed_itself_is_renamed_from_there(cart: Shop) -> None:
    experiment = id_of(cart)
    cart.remove("cart")
    cart.write(elsewhere=BASE)
    cart.person.push()
    saved = cart.edits.rename("shop", experiment, NEW, ADA)
    assert ([NEW], experiment) == (files(cart), saved.experiment.id)


def test_a_rename_that_git_has_made_already_is_done(cart: Shop) -> None:
    cart.remove("cart")
    cart.person.write(NEW, BASE)
    head = cart.person.push()
    assert head == cart.edits.rename("shop", id_of(cart), NEW, ADA).commit == cart.head()


@pytest.mark.parametrize(
    "more", [pytest.param({}, id="alone"), pytest.param({"other": engine("other")}, id="among others")]
)
def test_what_git_renamed_and_changed_at_once_is_known_by_its_label(shop: Shop, more: dict[str, str]) -> None:
    base = engine("cart", "L")
    shop.write(cart=base)
    shop.push()
    shop.work()
    blob = shop.experiments()["cart"].blob
    shop.remove("cart")
    shop.write(moved=base.replace("pod-delete", "pod-cpu-hog"), **more)
    shop.person.push()
    with pytest.raises(Overlap, match=r"moved.yaml was changed in git since it was read, and this removes it"):
        shop.edits.delete("shop", "L", blob, ADA)
    saved = shop.edits.save("shop", "L", base.replace("litmus-admin", "mine").encode(), blob, ADA)
    assert (True, f"{FOLDER}/moved.yaml") == (saved.merged, saved.experiment.path)
    assert base.replace("pod-delete", "pod-cpu-hog").replace("litmus-admin", "mine") == shop.shown("moved")


def test_an_edit_is_never_merged_into_another_experiment_that_took_its_path(shop: Shop) -> None:
    base = engine("cart", "L")
    shop.write(cart=base)
    shop.push()
    shop.work()
    shop.write(cart=engine("till"), moved=base)
    shop.push()
    with pytest.raises(Overlap, match=r"cart.yaml is another experiment's file in git by now"):
        shop.edits.save("shop", "L", base.replace("litmus-admin", "mine").encode(), None, ADA)
    shop.work()
    assert {"moved": "L"} == {name: one.id for name, one in shop.experiments().items() if name == "moved"}
    assert engine("till") == shop.shown("cart")


def test_a_removal_of_what_git_has_removed_is_done(cart: Shop) -> None:
    cart.remove("cart")
    cart.write(other=engine("other", "M"))
    commit = cart.person.push()
    assert commit == cart.edits.delete("shop", id_of(cart), None, ADA).commit


def test_a_path_that_git_has_given_away_is_a_conflict_to_be_settled(cart: Shop) -> None:
    cart.person.write(NEW, engine("theirs", "T"))
    cart.person.push()
    with pytest.raises(Overlap, match=f"{NEW} is taken in git") as refusal:
        cart.edits.rename("shop", id_of(cart), NEW, ADA)
    cart.conflicts.settle("shop", refusal.value.conflict, "git", None, None)
    cart.work()
    assert ([OLD, NEW], "synced") == (files(cart), cart.experiments()["cart"].state)


def test_a_waiting_rename_of_what_git_removed_can_bring_it_back(cart: Shop) -> None:
    experiment = id_of(cart)
    cart.server.stop()
    cart.edits.rename("shop", experiment, NEW, ADA)
    cart.remove("cart")
    cart.person.push()
    come_back(cart)
    [conflict] = cart.conflicts.of("shop")
    assert (f"{OLD} was removed in git since it was read: settle by hand", None) == (conflict.problem, conflict.git)
    cart.conflicts.settle("shop", conflict.id, "portal", None, None)
    assert ([NEW], BASE) == (files(cart), at(cart, NEW))


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        pytest.param("litmus/other/cart.yaml", Invalid, "write a path such as litmus/shop/cart.yaml", id="outside"),
        pytest.param(f"{FOLDER}/cart.txt", Invalid, "is no place of an experiment", id="no manifest"),
        pytest.param(OLD, Conflict, "is its path already", id="the same"),
        pytest.param(f"{FOLDER}/other.yaml", Conflict, "is the file of experiment 'O'", id="another's"),
    ],
)
def test_a_path_that_cannot_be_is_refused(cart: Shop, path: str, error: type[Exception], says: str) -> None:
    cart.write(other=engine("other", "O"))
    cart.push()
    cart.work()
    head = cart.head()
    with pytest.raises(error, match=says):
        cart.edits.rename("shop", id_of(cart), path, ADA)
    assert (head, []) == (cart.head(), cart.open_edits())


def test_nothing_unknown_and_nothing_that_goes_away_is_renamed(cart: Shop) -> None:
    with pytest.raises(NotFound):
        cart.edits.rename("shop", "M", NEW, ADA)
    cart.server.stop()
    cart.edits.delete("shop", id_of(cart), None, ADA)
    with pytest.raises(Conflict, match="is not kept here"):
        cart.edits.rename("shop", id_of(cart), NEW, ADA)
