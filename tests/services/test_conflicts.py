"""Settling conflicts: one side or a merged text is taken, on top of what git holds by then."""

from __future__ import annotations

import pytest

from shared.errors import BadInput, Conflict, Forbidden, Invalid, NotFound, Overlap
from shared.model.experiments import Edit
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, Shop, engine

BASE = engine("cart", "L")
PORTAL = BASE.replace("litmus-admin", "mine")
RIVAL = BASE.replace("litmus-admin", "theirs")
MERGED = BASE.replace("litmus-admin", "ours")
GRACE = "Grace <grace@example.com>"


@pytest.fixture
def cart(shop: Shop) -> Shop:
    """The shop with one synced experiment, `L` in cart.yaml."""
    shop.write(cart=BASE)
    shop.push()
    shop.work()
    return shop


def conflict(shop: Shop, theirs: str | None = RIVAL, mine: str | None = PORTAL) -> Edit:
    """Return a conflict of `L`: what git holds, and what the portal wanted (None: no file)."""
    pushed(shop, theirs)
    edits = shop.edits
    with pytest.raises(Overlap) as refusal:
        _ = edits.save("shop", "L", mine.encode(), None, ADA) if mine else edits.delete("shop", "L", None, ADA)
    return shop.conflicts.find("shop", refusal.value.conflict)


def pushed(shop: Shop, text: str | None) -> None:
    shop.person.pull()
    if text is None:
        shop.remove("cart")
    else:
        shop.write(cart=text)
    shop.push()


def files(shop: Shop) -> list[str]:
    return git("ls-tree", "-r", "--name-only", "main", cwd=shop.bare).splitlines()


def test_taking_gits_side_ends_the_conflict_and_commits_nothing(cart: Shop) -> None:
    found = conflict(cart)
    head = cart.head()
    assert cart.conflicts.settle("shop", found.id, "git", None, GRACE) is None
    assert ([], head) == (cart.open_edits(), cart.head())
    cart.work()
    shown, row = cart.experiments()["cart"], cart.ledger("edit")[-1]
    assert ("synced", None, "settled") == (shown.state, shown.problem, row.verdict)
    assert f"settled by {GRACE}" in row.reason


def test_taking_the_portals_side_puts_it_on_top_of_gits(cart: Shop) -> None:
    found = conflict(cart)
    head = cart.head()
    saved = cart.conflicts.settle("shop", found.id, "portal", None, None)
    assert saved
    assert (PORTAL, head, "synced") == (
        cart.shown("cart"),
        git("rev-parse", "main~1", cwd=cart.bare),
        saved.experiment.state,
    )
    assert f"{ADA}|{found.id}" == git(
        "log", "-1", "--format=%an <%ae>|%(trailers:key=Litmus-Gitops-Edit,valueonly)", "main", cwd=cart.bare
    )
    assert ([], None) == (cart.open_edits(), saved.experiment.problem)


def test_a_text_that_a_person_merged_is_that_persons_commit(cart: Shop) -> None:
    found = conflict(cart)
    cart.conflicts.settle("shop", found.id, "merged", MERGED.encode(), GRACE)
    assert (MERGED, GRACE) == (cart.shown("cart"), git("log", "-1", "--format=%an <%ae>", "main", cwd=cart.bare))
    assert [] == cart.open_edits()


@pytest.mark.parametrize(
    ("theirs", "mine", "left"),
    [
        pytest.param(None, PORTAL, PORTAL, id="git removed it, the portal's text comes back"),
        pytest.param(RIVAL, None, None, id="git changed it, it is removed all the same"),
    ],
)
def test_a_removal_is_settled_for_the_portal(
    cart: Shop, theirs: str | None, mine: str | None, left: str | None
) -> None:
    found = conflict(cart, theirs, mine)
    cart.work()
    cart.conflicts.settle("shop", found.id, "portal", None, None)
    cart.work()
    assert ([f"{FOLDER}/cart.yaml"] if left else []) == files(cart)
    assert ({"cart": "L"} if left else {}) == {name: one.id for name, one in cart.experiments().items()}
    assert left is None or left == cart.shown("cart")
    assert [] == cart.open_edits()


def test_a_removal_of_what_git_has_removed_meanwhile_is_settled(cart: Shop) -> None:
    found = conflict(cart, RIVAL, None)
    pushed(cart, None)
    cart.work()
    saved = cart.conflicts.settle("shop", found.id, "portal", None, None)
    assert (saved and saved.commit, []) == (cart.head(), cart.open_edits())


def test_git_that_moved_again_elsewhere_is_merged_in(cart: Shop) -> None:
    found = conflict(cart)
    pushed(cart, RIVAL.replace("pod-delete", "pod-cpu-hog"))
    saved = cart.conflicts.settle("shop", found.id, "portal", None, None)
    assert saved
    assert (PORTAL.replace("pod-delete", "pod-cpu-hog"), True) == (cart.shown("cart"), saved.merged)


def test_git_that_moved_again_in_the_same_place_is_a_fresh_conflict_of_the_same_id(cart: Shop) -> None:
    found = conflict(cart)
    again = RIVAL.replace("theirs", "theirs-again")
    pushed(cart, again)
    with pytest.raises(Overlap) as refusal:
        cart.conflicts.settle("shop", found.id, "merged", MERGED.encode(), None)
    assert (found.id, again) == (refusal.value.conflict, cart.shown("cart"))
    sides = cart.conflicts.sides(cart.conflicts.find("shop", found.id))
    assert [RIVAL, again, MERGED] == [
        side and side.text and side.text.decode() for side in (sides.base, sides.git, sides.portal)
    ]


def test_a_settlement_waits_while_git_is_away_and_goes_out_later(cart: Shop) -> None:
    found = conflict(cart)
    cart.server.stop()
    saved = cart.conflicts.settle("shop", found.id, "portal", None, None)
    assert (None, "pending") == (saved and saved.commit, cart.experiments()["cart"].state)
    with pytest.raises(Conflict, match="is settled, and on its way to git"):
        cart.conflicts.settle("shop", found.id, "git", None, None)
    cart.server.start()
    cart.clock.advance(120)
    cart.work()
    assert (PORTAL, []) == (cart.shown("cart"), cart.open_edits())


def test_a_settlement_that_the_host_refuses_leaves_the_conflict(cart: Shop) -> None:
    found = conflict(cart)
    hook = cart.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'not today' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Forbidden, match="not today"):
        cart.conflicts.settle("shop", found.id, "portal", None, None)
    hook.unlink()
    assert cart.conflicts.settle("shop", found.id, "portal", None, None)
    assert (PORTAL, []) == (cart.shown("cart"), cart.open_edits())


def test_each_conflict_of_an_experiment_is_settled_by_itself(cart: Shop) -> None:
    first = conflict(cart)
    cart.work()
    second = conflict(cart, BASE.replace("litmus-admin", "others"), MERGED)
    cart.conflicts.settle("shop", first.id, "git", None, None)
    assert ([second.id], "conflict") == (
        [one.id for one in cart.conflicts.of("shop")],
        cart.experiments()["cart"].state,
    )


@pytest.mark.parametrize(
    ("take", "text", "error", "says"),
    [
        pytest.param("merged", None, BadInput, "with `take: merged`", id="no text"),
        pytest.param("portal", MERGED, BadInput, "with nothing else", id="too much text"),
        pytest.param("merged", BROKEN, Invalid, "tab", id="broken"),
        pytest.param("merged", engine("cart", "M"), Invalid, "'M' is another experiment's id", id="another's label"),
    ],
)
def test_what_settles_nothing_is_refused(
    cart: Shop, take: str, text: str | None, error: type[Exception], says: str
) -> None:
    found = conflict(cart)
    with pytest.raises(error, match=says):
        cart.conflicts.settle("shop", found.id, take, text and text.encode(), None)  # type: ignore[arg-type]
    assert [found] == cart.conflicts.of("shop")


def test_what_is_settled_is_no_longer_there(cart: Shop) -> None:
    found = conflict(cart)
    cart.conflicts.settle("shop", found.id, "git", None, None)
    with pytest.raises(NotFound, match="it may be settled"):
        cart.conflicts.settle("shop", found.id, "git", None, None)
