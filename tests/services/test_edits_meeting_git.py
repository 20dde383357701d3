"""Edits of what git changed meanwhile: merged where both can be had, kept as a conflict where not."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, Overlap
from shared.model.experiments import Edit, Problem
from shared.model.messages import Message
from shared.rules.edits import blob_id
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, POLICY, Shop, engine

BASE = engine("cart", "L")
PORTAL = BASE.replace("litmus-admin", "mine  # by  hand")
GIT = BASE.replace("- name: pod-delete", "- name: pod-cpu-hog")
BOTH = PORTAL.replace("- name: pod-delete", "- name: pod-cpu-hog")
RIVAL = BASE.replace("litmus-admin", "theirs")
PATH = f"{FOLDER}/cart.yaml"


@pytest.fixture
def cart(shop: Shop) -> Shop:
    """The shop with one synced experiment, `L` in cart.yaml."""
    shop.write(cart=BASE)
    shop.push()
    shop.work()
    return shop


def pushed(shop: Shop, text: str | None) -> str:
    """Have a person change or remove the experiment in git, unseen by the portal."""
    shop.person.pull()
    if text is None:
        shop.remove("cart")
    else:
        shop.write(cart=text)
    return shop.person.push()


def kept(shop: Shop, text: str | None, base: str | None = None) -> Edit:
    """Save or delete what git has changed, and return the conflict that comes of it."""
    edits = shop.edits
    with pytest.raises(Overlap) as refusal:
        _ = edits.save("shop", "L", text.encode(), base, ADA) if text else edits.delete("shop", "L", base, ADA)
    assert refusal.value.conflict in str(refusal.value)
    return shop.conflicts.find("shop", refusal.value.conflict)


def test_what_both_sides_changed_apart_is_merged_on_top_of_git(cart: Shop) -> None:
    theirs = pushed(cart, GIT)
    saved = cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    assert (True, BOTH, blob_id(BOTH.encode())) == (saved.merged, cart.shown("cart"), saved.experiment.blob)
    assert ([theirs, saved.commit], []) == (
        git("rev-list", "--reverse", "main", cwd=cart.bare).splitlines()[-2:],
        cart.open_edits(),
    )
    assert BOTH.encode() == cart.text(saved.experiment.blob)


def test_a_merge_is_told_in_its_commit_and_in_the_ledger(cart: Shop) -> None:
    pushed(cart, GIT)
    saved = cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    row = cart.ledger("edit")[-1]
    edit = next(link.id for link in row.links if link.rel == "edit")
    message = git("log", "-1", "--format=%an <%ae>%n%B", "main", cwd=cart.bare)
    assert (
        f"{ADA}\nChange {PATH}\n\nSaved in the portal, and merged with what git held by then.\n\n"
        f"Litmus-Gitops-Edit: {edit}"
    ) == message
    reason = f"{PATH} is in git as of commit {str(saved.commit)[:12]}, merged with what had changed there"
    assert ("merged", reason) == (row.verdict, row.reason)


def test_an_unchanged_file_is_no_merge(cart: Shop) -> None:
    assert not cart.edits.save("shop", "L", PORTAL.encode(), None, ADA).merged


def test_an_older_version_is_the_base_of_the_merge(cart: Shop) -> None:
    seen = cart.experiments()["cart"].blob
    cart.edits.save("shop", "L", GIT.encode(), seen, ADA)
    saved = cart.edits.save("shop", "L", PORTAL.encode(), seen, ADA)
    assert (True, BOTH) == (saved.merged, cart.shown("cart"))


def test_a_version_that_nobody_knows_is_no_base(cart: Shop) -> None:
    with pytest.raises(Conflict, match="that is not known here: read it anew"):
        cart.edits.save("shop", "L", PORTAL.encode(), "0" * 40, ADA)
    assert (BASE, []) == (cart.shown("cart"), cart.open_edits())


def test_waiting_edits_are_merged_when_git_is_back(cart: Shop) -> None:
    pushed(cart, GIT)
    cart.server.stop()
    cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    cart.server.start()
    cart.clock.advance(120)
    cart.work()
    assert (BOTH, [], "merged") == (cart.shown("cart"), cart.open_edits(), cart.ledger("edit")[-1].verdict)


def test_an_author_who_did_not_see_a_waiting_edit_is_merged_with_it(cart: Shop) -> None:
    cart.server.stop()
    seen = cart.experiments()["cart"].blob
    cart.edits.save("shop", "L", GIT.encode(), seen, ADA)
    cart.edits.save("shop", "L", PORTAL.encode(), seen, ADA)
    cart.server.start()
    cart.clock.advance(120)
    cart.work()
    assert (BOTH, []) == (cart.shown("cart"), cart.open_edits())


def test_a_merge_that_changes_nothing_is_no_commit(cart: Shop) -> None:
    head = pushed(cart, BOTH)
    saved = cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    assert (head, head, BOTH) == (saved.commit, cart.head(), cart.shown("cart"))


def test_a_head_that_moves_during_the_push_is_met_with_a_fresh_merge(cart: Shop) -> None:
    """A rival commit lands while our push is on its way: the hook moves the branch once, as a real writer would."""
    rival = pushed(cart, GIT)
    git("update-ref", "refs/heads/main", f"{rival}~1", cwd=cart.bare)
    hook = cart.bare / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\nunset GIT_QUARANTINE_PATH\n"
        f"test -e raced || {{ touch raced; git update-ref refs/heads/main {rival}; }}\n"
    )
    hook.chmod(0o755)
    saved = cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    assert (True, BOTH, [rival]) == (
        saved.merged,
        cart.shown("cart"),
        git("rev-list", "-1", f"{saved.commit}~1", cwd=cart.bare).split(),
    )
    assert (cart.bare / "raced").exists()


@pytest.mark.parametrize(
    ("theirs", "mine", "says"),
    [
        pytest.param(
            RIVAL,
            PORTAL,
            "was changed in git since it was read: git and the portal changed spec.chaosS",
            id="same field",
        ),
        pytest.param(None, PORTAL, "was removed in git since it was read", id="change against delete"),
        pytest.param(
            GIT, None, "was changed in git since it was read, and this removes it", id="delete against change"
        ),
        pytest.param(BROKEN, PORTAL, "was changed in git since it was read", id="broken in git"),
    ],
)
def test_an_overlap_is_kept_with_all_three_sides(cart: Shop, theirs: str | None, mine: str | None, says: str) -> None:
    head = pushed(cart, theirs)
    conflict = kept(cart, mine)
    sides = cart.conflicts.sides(conflict)
    assert [BASE, theirs, mine] == [
        side and side.text and side.text.decode() for side in (sides.base, sides.git, sides.portal)
    ]
    assert head == cart.head()
    assert "conflict" == cart.experiments()["cart"].state
    assert Problem(conflict.problem or "") == cart.experiments()["cart"].problem
    row = cart.ledger("edit")[-1]
    assert ("conflict", conflict.id) == (row.verdict, next(link.id for link in row.links if link.rel == "edit"))
    assert f"{PATH} {says}" in (conflict.problem or "")


def test_a_conflict_outlives_syncs_and_says_so(cart: Shop) -> None:
    pushed(cart, RIVAL)
    conflict = kept(cart, PORTAL)
    cart.sync()
    assert ("conflict", RIVAL) == (cart.experiments()["cart"].state, cart.shown("cart"))
    assert [conflict] == cart.conflicts.of("shop")


def test_the_same_edit_made_again_is_the_same_conflict(cart: Shop) -> None:
    seen = cart.experiments()["cart"].blob
    pushed(cart, RIVAL)
    first, second = kept(cart, PORTAL, seen), kept(cart, PORTAL, seen)
    assert (first.id, [first.id]) == (second.id, [one.id for one in cart.conflicts.of("shop")])


def test_the_same_edit_of_another_author_or_one_that_waited_is_a_conflict_of_its_own(cart: Shop) -> None:
    seen = cart.experiments()["cart"].blob
    pushed(cart, RIVAL)
    kept(cart, PORTAL, seen)
    with pytest.raises(Overlap):
        cart.edits.save("shop", "L", PORTAL.encode(), seen, "Grace <grace@example.com>")
    cart.server.stop()
    cart.edits.save("shop", "L", PORTAL.encode(), seen, ADA)
    cart.server.start()
    cart.clock.advance(120)
    cart.work()
    assert [ADA, "Grace <grace@example.com>", ADA] == [one.author for one in cart.conflicts.of("shop")]


def test_a_later_edit_that_fits_does_not_end_a_conflict(cart: Shop) -> None:
    pushed(cart, RIVAL)
    conflict = kept(cart, PORTAL)
    cart.sync()
    saved = cart.edits.save("shop", "L", (RIVAL + "# x\n").encode(), None, ADA)
    assert (RIVAL + "# x\n", "conflict") == (cart.shown("cart"), saved.experiment.state)
    assert [conflict.id] == [one.id for one in cart.conflicts.of("shop")]


@pytest.mark.parametrize("synced", [True, False])
def test_an_edit_goes_where_git_moved_its_file(cart: Shop, synced: bool) -> None:
    cart.write(moved=BASE)
    pushed(cart, None)
    if synced:
        cart.sync()
    saved = cart.edits.save("shop", "L", PORTAL.encode(), blob_id(BASE.encode()), ADA)
    assert (f"{FOLDER}/moved.yaml", PORTAL) == (saved.experiment.path, cart.shown("moved"))
    cart.work()
    assert {"moved": "L"} == {name: one.id for name, one in cart.experiments().items()}


def test_an_edit_never_goes_into_another_experiments_file(shop: Shop) -> None:
    twin = engine("twin")
    shop.write(one=twin, two=twin)
    shop.push()
    shop.work()
    one = shop.experiments()["one"]
    shop.remove("one")
    shop.person.push()
    with pytest.raises(Overlap, match="was removed in git"):
        shop.edits.save("shop", one.id, (twin + "# x\n").encode(), None, ADA)
    assert twin == shop.shown("two")


def test_an_edit_goes_home_although_its_old_place_is_another_experiments(cart: Shop) -> None:
    cart.server.stop()
    cart.edits.save("shop", "L", PORTAL.encode(), None, ADA)
    cart.server.start()
    cart.write(moved=BASE, cart=BASE.replace("workflow_id: L", "workflow_id: M"))
    cart.push()
    cart.syncs.sync_project(Message(new_id(), "sync", "project", {"project": "shop"}))
    cart.clock.advance(120)
    cart.work()
    assert (PORTAL, BASE.replace("workflow_id: L", "workflow_id: M")) == (cart.shown("moved"), cart.shown("cart"))
    assert [] == cart.open_edits()


def test_a_waiting_experiment_that_git_got_elsewhere_is_a_conflict(cart: Shop) -> None:
    cart.server.stop()
    cart.edits.save("shop", None, engine("new", "N").encode(), None, ADA)
    cart.server.start()
    cart.write(elsewhere=engine("theirs", "N"))
    cart.push()
    cart.syncs.sync_project(Message(new_id(), "sync", "project", {"project": "shop"}))
    cart.clock.advance(120)
    cart.work()
    [conflict] = cart.conflicts.of("shop")
    assert (f"{FOLDER}/elsewhere.yaml was added in git meanwhile: settle by hand", {"cart", "elsewhere"}) == (
        conflict.problem,
        set(cart.experiments()),
    )


def test_an_edit_of_what_was_removed_and_synced_is_a_conflict(cart: Shop) -> None:
    pushed(cart, None)
    cart.sync()
    assert {} == cart.experiments()
    conflict = kept(cart, PORTAL, blob_id(BASE.encode()))
    assert (PATH, None) == (conflict.path, conflict.git)
    with pytest.raises(Conflict, match="is no longer there"):
        cart.edits.save("shop", "L", PORTAL.encode(), "0" * 40, ADA)


def test_a_new_experiment_steps_aside_for_another_one_in_its_place(cart: Shop) -> None:
    cart.write(new=engine("theirs", "T"))
    cart.person.push()
    text = engine("new", "N")
    saved = cart.edits.save("shop", None, text.encode(), None, ADA)
    assert (f"{FOLDER}/new-2.yaml", text, engine("theirs", "T")) == (
        saved.experiment.path,
        cart.shown("new-2"),
        cart.shown("new"),
    )


@pytest.mark.parametrize("theirs", [engine("theirs", "N"), engine("theirs"), BROKEN])
def test_a_new_experiment_that_may_be_the_one_in_git_is_a_conflict(cart: Shop, theirs: str) -> None:
    cart.write(new=theirs)
    head = cart.person.push()
    with pytest.raises(Overlap, match=r"new\.yaml was added in git meanwhile"):
        cart.edits.save("shop", None, engine("new", "N").encode(), None, ADA)
    assert head == cart.head()


def test_a_file_that_became_a_policy_is_not_merged_into_one(cart: Shop) -> None:
    pushed(cart, POLICY)
    assert "was changed in git since it was read" in (kept(cart, PORTAL).problem or "")
