"""Edits while the git host answers."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, Invalid, NotFound, Protected
from shared.model.experiments import Edit
from shared.rules.edits import blob_id
from shared.rules.identity import mint
from shared.services.edit_records import EditRecords
from shared.services.ledger import stamp
from shared.services.tables import PROJECTS
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, POLICY, Shop, engine

NEW = engine("cart", "L", namespace="other")


@pytest.fixture
def cart(shop: Shop) -> Shop:
    """The shop with one synced experiment, `L` in cart.yaml."""
    shop.write(cart=engine("cart", "L"))
    shop.push()
    shop.work()
    return shop


def test_a_saved_experiment_is_a_commit_and_shown_at_once(cart: Shop) -> None:
    saved = cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    shown = cart.experiments()["cart"]
    assert (cart.head(), NEW, shown) == (saved.commit, cart.shown("cart"), saved.experiment)
    assert (blob_id(NEW.encode()), cart.head(), "synced") == (shown.blob, shown.commit, shown.state)
    assert NEW.encode() == cart.text(shown.blob)
    assert [] == cart.open_edits()


def test_the_sync_after_an_edit_changes_nothing_and_reads_no_file(cart: Shop) -> None:
    cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    before = cart.experiments()
    cart.server.exchanges.clear()
    cart.work()
    assert before == cart.experiments()
    assert (cart.head(), None) == (cart.state().commit, cart.state().problem)
    assert [] == [exchange.wants for exchange in cart.server.exchanges if len(exchange.wants) > 1]
    assert 2 == len(cart.server.exchanges)


def test_an_edit_that_git_was_robbed_of_is_gone_from_the_portal_too(cart: Shop) -> None:
    before = (cart.head(), cart.experiments())
    cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    git("update-ref", "refs/heads/main", before[0], cwd=cart.bare)
    cart.work()
    assert before == (cart.state().commit, cart.experiments())


def test_the_commit_names_author_and_edit_and_the_ledger_names_the_commit(cart: Shop) -> None:
    saved = cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    said = git("log", "-1", "--format=%an <%ae>|%s|%(trailers:key=Litmus-Gitops-Edit,valueonly)", cwd=cart.bare)
    [row] = cart.ledger("edit")
    links = {link.rel: link.id for link in row.links}
    assert f"{ADA}|Change {FOLDER}/cart.yaml|{links['edit']}" == said.strip()
    assert ("committed", f"{FOLDER}/cart.yaml", "L", saved.commit) == (
        row.verdict,
        row.subject,
        links["experiment"],
        links["commit"],
    )


def test_an_edit_does_not_touch_what_others_changed_elsewhere(cart: Shop) -> None:
    cart.write(other=engine("other"))
    cart.person.push()
    cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    assert (NEW, engine("other")) == (cart.shown("cart"), cart.shown("other"))


def test_an_edit_of_the_version_that_was_read_is_taken(cart: Shop) -> None:
    saved = cart.edits.save("shop", "L", NEW.encode(), cart.experiments()["cart"].blob, ADA)
    assert (cart.head(), NEW) == (saved.commit, cart.shown("cart"))


def test_what_git_has_already_is_no_new_commit(cart: Shop) -> None:
    head = cart.head()
    assert head == cart.edits.save("shop", "L", engine("cart", "L").encode(), None, ADA).commit
    assert head == cart.head()


def test_a_new_experiment_gets_a_file_named_after_it(cart: Shop) -> None:
    text = engine("pay-desk").encode()
    saved = cart.edits.save("shop", None, text, None, ADA)
    path = f"{FOLDER}/pay-desk.yaml"
    assert (path, mint("shop", path, "")) == (saved.experiment.path, saved.experiment.id)
    assert text.decode() == cart.shown("pay-desk")
    before = cart.experiments()
    cart.work()
    assert before == cart.experiments()


def test_a_new_experiment_with_a_name_in_use_gets_a_numbered_file(cart: Shop) -> None:
    saved = cart.edits.save("shop", None, engine("cart").encode(), None, ADA)
    assert f"{FOLDER}/cart-2.yaml" == saved.experiment.path


def test_a_new_experiment_may_be_written_under_its_own_label(cart: Shop) -> None:
    saved = cart.edits.save("shop", "M", engine("more", "M").encode(), None, ADA)
    assert ("M", "M") == (saved.experiment.id, cart.experiments()["more"].id)


def test_the_first_experiment_makes_the_branch(shop: Shop) -> None:
    saved = shop.edits.save("shop", None, engine("cart").encode(), None, ADA)
    shop.work()
    assert (saved.commit, saved.commit) == (shop.head(), shop.state().commit)


def test_a_deleted_experiment_is_gone_from_git_and_portal(cart: Shop) -> None:
    was = cart.experiments()["cart"]
    saved = cart.edits.delete("shop", "L", was.blob, ADA)
    assert (was, cart.head()) == (saved.experiment, saved.commit)
    assert ({}, "") == (cart.experiments(), git("ls-tree", "-r", "--name-only", "main", cwd=cart.bare))
    assert f"Remove {FOLDER}/cart.yaml" == git("log", "-1", "--format=%s", cwd=cart.bare)


def test_a_broken_file_can_be_mended_in_the_portal(shop: Shop) -> None:
    shop.write(cart=BROKEN)
    shop.push()
    shop.work()
    broken = shop.experiments()["cart"]
    saved = shop.edits.save("shop", broken.id, engine("cart").encode(), broken.blob, ADA)
    assert ("synced", None, broken.id) == (saved.experiment.state, saved.experiment.problem, saved.experiment.id)


def test_an_invalid_text_is_refused_with_its_place(cart: Shop) -> None:
    head = cart.head()
    with pytest.raises(Invalid) as refusal:
        cart.edits.save("shop", "L", BROKEN.encode(), None, ADA)
    [problem] = refusal.value.problems
    assert (2, 1, head) == (problem["line"], problem["column"], cart.head())


@pytest.mark.parametrize(
    ("experiment", "text", "error", "says"),
    [
        pytest.param("L", POLICY, Invalid, "this is a policy", id="a policy"),
        pytest.param("L", engine("cart", "M"), Invalid, "'M' is another experiment's id", id="another's label"),
        pytest.param("M", engine("cart"), NotFound, "give the manifest the label workflow_id: M", id="no label"),
        pytest.param("M", engine("cart", "L"), NotFound, "no experiment 'M'", id="unknown id"),
        pytest.param(None, engine("cart", "L"), Conflict, r"'L' belongs to litmus/shop/cart\.yaml", id="taken label"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(
    cart: Shop, experiment: str | None, text: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        cart.edits.save("shop", experiment, text.encode(), None, ADA)
    assert [] == cart.open_edits()


def test_nothing_unknown_is_deleted(cart: Shop) -> None:
    with pytest.raises(NotFound):
        cart.edits.delete("shop", "M", None, ADA)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"enabled": False}, "GitOps is off", id="off"),
        pytest.param({"write_back": "pull_request"}, "plain git has no pull requests", id="pull request"),
    ],
)
def test_where_nothing_can_be_committed_an_edit_says_so(cart: Shop, settings: dict[str, object], says: str) -> None:
    cart.configure(**settings)
    with pytest.raises(Conflict, match=says):
        cart.edits.save("shop", "L", NEW.encode(), None, ADA)


def test_an_unknown_project_has_no_git(shop: Shop) -> None:
    shop.store.commit([PROJECTS.delete("shop")])
    with pytest.raises(Conflict, match="GitOps is off"):
        shop.edits.save("shop", "L", NEW.encode(), None, ADA)


def test_a_branch_that_vanished_is_not_begun_anew(cart: Shop) -> None:
    git("update-ref", "-d", "refs/heads/main", cwd=cart.bare)
    with pytest.raises(Conflict, match="branch 'main' is gone from git"):
        cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    assert "" == git("for-each-ref", "refs/heads", cwd=cart.bare)


def test_a_protected_branch_is_told_in_the_hosts_own_words_and_recorded(cart: Shop) -> None:
    hook = cart.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'You are not allowed to push to protected branches.' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Protected, match=r"protected branches\.: let our login push to 'main'"):
        cart.edits.save("shop", "L", NEW.encode(), None, ADA)
    assert ("refused", []) == (cart.ledger("edit")[-1].verdict, cart.open_edits())


def test_an_edit_whose_request_died_before_its_commit_goes_out(cart: Shop) -> None:
    begun = EditRecords(cart.store, cart.clock, new_id)
    seen = cart.experiments()["cart"].blob
    begun.begin(Edit(new_id(), "shop", "L", f"{FOLDER}/cart.yaml", NEW.encode(), seen, ADA, stamp(cart.clock)))
    cart.clock.advance(60)
    cart.work()
    assert (NEW, []) == (cart.shown("cart"), cart.open_edits())


def test_an_edit_whose_request_died_after_its_commit_is_confirmed(cart: Shop) -> None:
    begun = EditRecords(cart.store, cart.clock, new_id)
    seen = cart.experiments()["cart"].blob
    begun.begin(Edit(new_id(), "shop", "L", f"{FOLDER}/cart.yaml", NEW.encode(), seen, ADA, stamp(cart.clock)))
    cart.write(cart=NEW)
    head = cart.person.push()
    cart.clock.advance(60)
    cart.work()
    assert (head, [], "committed") == (cart.head(), cart.open_edits(), cart.ledger("edit")[-1].verdict)
