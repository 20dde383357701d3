"""Edits while the git host is away, and what becomes of them when it is back."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.rules.edits import blob_id
from shared.services.tables import SYNCS
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, Shop, engine

NEW = engine("cart", "L", namespace="other")
NEWER = engine("cart", "L", namespace="third")


@pytest.fixture
def away(shop: Shop) -> Shop:
    """The shop with one synced experiment, `L` in cart.yaml, and a git host that is away."""
    shop.write(cart=engine("cart", "L"))
    shop.push()
    shop.work()
    shop.server.stop()
    return shop


def come_back(shop: Shop) -> None:
    shop.server.start()
    shop.clock.advance(120)
    shop.work()


def test_an_edit_waits_and_says_so(away: Shop) -> None:
    before = away.experiments()["cart"]
    saved = away.edits.save("shop", "L", NEW.encode(), None, ADA)
    shown = away.experiments()["cart"]
    assert (None, "pending", shown) == (saved.commit, saved.experiment.state, shown)
    assert before.blob == shown.blob
    [row] = away.ledger("edit")
    assert "pending" == row.verdict
    assert row.reason.startswith(f"{FOLDER}/cart.yaml waits for git: the git host 127.0.0.1 does not answer")


def test_it_goes_out_when_the_host_is_back(away: Shop) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    come_back(away)
    shown = away.experiments()["cart"]
    assert (NEW, "synced", blob_id(NEW.encode())) == (away.shown("cart"), shown.state, shown.blob)
    assert ([], ["pending", "committed"]) == (away.open_edits(), [row.verdict for row in away.ledger("edit")])


def test_edits_go_out_in_the_order_they_were_made(away: Shop) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    away.edits.save("shop", None, engine("new").encode(), None, ADA)
    away.edits.save("shop", "L", NEWER.encode(), blob_id(NEW.encode()), ADA)
    come_back(away)
    said = git("log", "--format=%s", "main", cwd=away.bare).splitlines()
    path = f"{FOLDER}/cart.yaml"
    assert [f"Change {path}", f"Add {FOLDER}/new.yaml", f"Change {path}", "Change experiments."] == said
    assert (NEWER, []) == (away.shown("cart"), away.open_edits())


def test_an_edit_goes_out_behind_those_that_still_wait(away: Shop) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    away.server.start()
    saved = away.edits.save("shop", "L", NEWER.encode(), None, ADA)
    assert (NEWER, "synced", []) == (away.shown("cart"), saved.experiment.state, away.open_edits())
    assert 2 == git("log", "--format=%s", "main", cwd=away.bare).count("Change litmus")


def test_a_new_experiment_is_shown_while_it_waits(away: Shop) -> None:
    saved = away.edits.save("shop", None, engine("new").encode(), None, ADA)
    shown = away.experiments()["new"]
    assert ("pending", "", saved.experiment) == (shown.state, shown.commit, shown)
    assert engine("new").encode() == away.text(shown.blob)
    come_back(away)
    assert ("synced", away.head()) == (away.experiments()["new"].state, away.experiments()["new"].commit)


def test_a_sync_does_not_take_a_waiting_experiment_away(away: Shop) -> None:
    away.edits.save("shop", None, engine("new").encode(), None, ADA)
    away.server.start()
    away.write(other=engine("other"))
    away.push()
    away.syncs.sync_project(Message(new_id(), "sync", "project", {"project": "shop"}))
    assert {"cart": "synced", "new": "pending", "other": "synced"} == {
        name: one.state for name, one in away.experiments().items()
    }


def test_a_deletion_waits_as_well(away: Shop) -> None:
    saved = away.edits.delete("shop", "L", None, ADA)
    assert (None, "pending") == (saved.commit, away.experiments()["cart"].state)
    come_back(away)
    assert ({}, []) == (away.experiments(), away.open_edits())


def test_a_new_experiment_that_waits_can_be_deleted_again(away: Shop) -> None:
    saved = away.edits.save("shop", None, engine("new").encode(), None, ADA)
    away.edits.delete("shop", saved.experiment.id, None, ADA)
    come_back(away)
    assert ({"cart"}, []) == (set(away.experiments()), away.open_edits())


def test_a_broken_file_whose_mending_waits_says_so(shop: Shop) -> None:
    shop.write(cart=BROKEN)
    shop.push()
    shop.work()
    shop.server.stop()
    broken = shop.experiments()["cart"]
    saved = shop.edits.save("shop", broken.id, engine("cart").encode(), None, ADA)
    assert ("pending", broken.problem) == (saved.experiment.state, saved.experiment.problem)
    come_back(shop)
    assert ("synced", None) == (shop.experiments()["cart"].state, shop.experiments()["cart"].problem)


def test_waiting_edits_outlive_a_restart_and_a_lost_message(away: Shop) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    while claimed := away.queue.receive(10, 60.0):
        for one in claimed:
            away.queue.ack(one)
    away.clock.advance(120)
    for one in away.queue.receive(10, 60.0):
        away.queue.ack(one)
    away.server.start()
    away.reconciler.tick(Message(new_id(), "reconcile", "tick", {}))
    away.work()
    assert (NEW, []) == (away.shown("cart"), away.open_edits())


@pytest.mark.parametrize("name", ["unknown", "turned off"])
def test_a_message_about_nothing_does_nothing(away: Shop, name: str) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    [edit] = away.open_edits()
    away.configure(enabled=name != "turned off")
    record = edit.id if name == "turned off" else "unknown"
    away.edits.send_edit(Message(new_id(), "sync", "edit", {"project": "shop", "edit": record}))
    assert [edit] == away.open_edits()


def test_a_message_that_comes_twice_commits_once(away: Shop) -> None:
    away.edits.save("shop", "L", NEW.encode(), None, ADA)
    [edit] = away.open_edits()
    away.server.start()
    for _ in range(2):
        away.edits.send_edit(Message(new_id(), "sync", "edit", {"project": "shop", "edit": edit.id}))
    assert 2 == len(git("log", "--format=%s", "main", cwd=away.bare).splitlines())
    assert SYNCS.load(away.store, "shop")
