"""Texts of manifests go once nothing refers to them, and never while something does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.model.experiments import Edit
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.policies import Policy, PolicyBook
from shared.model.projects import Cluster
from shared.model.records import Delete, Put
from shared.model.schedules import Placed, Scheduled, Wanted
from shared.rules.edits import blob_id
from shared.rules.leftovers import KEPT, LOOK
from shared.services.tables import BLOBS, EDITS, EXPERIMENTS, MEMBERS, OPEN_ORDERS, POLICIES, SCHEDULES, UNUSED
from shared.services.texts import Texts
from tests.services.dispatch_parts import Overtaken
from tests.services.gitops import ADA, Shop, engine

FIRST, SECOND = engine("cart", "L"), engine("cart", "L", "second")
OLD: Final = blob_id(FIRST.encode())
ASKED: Final = Message("m", "reconcile", "texts", {"project": "shop"})
AT, LATER = "2026-01-01T00:00:00.000Z", "2100-01-01T02:00:00.000Z"


@pytest.fixture
def cart(shop: Shop) -> Shop:
    """The shop with one experiment, whose first text nothing refers to any longer."""
    for text in (FIRST, SECOND):
        pushed(shop, text)
    return shop


def pushed(shop: Shop, text: str) -> None:
    shop.write(cart=text)
    shop.push()
    shop.work()


def look(shop: Shop, times: int = 1) -> None:
    """Look through all texts, a week after the last time."""
    for _ in range(times):
        shop.clock.advance(KEPT.total_seconds())
        shop.texts.look(ASKED)
        shop.work()


def overtaken(shop: Shop, act: Callable[[], None]) -> None:
    """Look a week later, and have `act` done after all was read and before anything is removed."""
    shop.clock.advance(KEPT.total_seconds())
    store = Overtaken(shop.store, act)
    Texts(store, shop.clock).look(ASKED)
    assert not store.acts


def test_a_text_that_two_looks_found_unused_is_forgotten(cart: Shop) -> None:
    look(cart)
    assert FIRST.encode() == cart.text(OLD)
    look(cart)
    assert (None, SECOND.encode()) == (cart.text(OLD), cart.text(cart.experiments()["cart"].blob))
    assert [] == cart.store.query(UNUSED.partition("shop"))


def test_two_looks_within_days_forget_nothing(cart: Shop) -> None:
    look(cart)
    cart.texts.look(ASKED)
    assert FIRST.encode() == cart.text(OLD)


def test_a_text_that_comes_back_is_read_anew(cart: Shop) -> None:
    look(cart, 2)
    pushed(cart, FIRST)
    assert FIRST.encode() == cart.text(OLD)


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(POLICIES.put(PolicyBook((Policy("images", path="p.yaml", blob=OLD),)), "shop"), id="a policy"),
        pytest.param(EDITS.put(Edit("e", "shop", "L", "cart.yaml", None, OLD, ADA, AT), "shop", "e"), id="a base"),
        pytest.param(
            EDITS.put(Edit("e", "shop", "L", "cart.yaml", FIRST.encode(), None, ADA, AT), "shop", "e"), id="an edit"
        ),
        pytest.param(
            EDITS.put(Edit("e", "shop", "L", "cart.yaml", None, None, ADA, AT, "conflict", git=OLD), "shop", "e"),
            id="a conflict",
        ),
        pytest.param(
            OPEN_ORDERS.put(Dispatched("o", "shop", "L", "eu", "install", AT, LATER, "ready", OLD), "eu", "o"),
            id="an open order",
        ),
        pytest.param(
            SCHEDULES.put(Scheduled(clusters={"eu": Placed("o", "install", 1, Wanted(OLD, "c"))}), "shop", "L"),
            id="a schedule",
        ),
    ],
)
def test_a_text_is_kept_while_something_refers_to_it(cart: Shop, put: Put) -> None:
    cart.store.commit([MEMBERS.put(Cluster("eu", "shop", "EU", ""), "shop", "eu")])
    look(cart)
    cart.store.commit([put])
    for _ in range(3):
        cart.clock.advance(KEPT.total_seconds())
        cart.texts.look(ASKED)
    assert FIRST.encode() == cart.text(OLD)
    cart.store.commit([Delete(put.key)])
    look(cart, 2)
    assert cart.text(OLD) is None


def test_a_text_that_a_push_brings_back_meanwhile_is_kept(cart: Shop) -> None:
    look(cart)
    overtaken(cart, lambda: pushed(cart, FIRST))
    assert (OLD, FIRST.encode()) == (cart.experiments()["cart"].blob, cart.text(OLD))


def test_a_text_that_an_edit_is_made_of_meanwhile_is_kept(cart: Shop) -> None:
    def save() -> None:
        cart.server.stop()
        cart.edits.save("shop", "L", engine("cart", "L", "mine").encode(), OLD, ADA)

    look(cart)
    overtaken(cart, save)
    assert ([OLD], FIRST.encode()) == ([edit.base for edit in cart.open_edits()], cart.text(OLD))


def test_the_other_side_of_a_conflict_is_kept(cart: Shop) -> None:
    cart.write(cart=FIRST)
    cart.person.push()
    look(cart)
    overtaken(cart, lambda: conflict(cart))
    [edit] = cart.conflicts.of("shop")
    assert (OLD, FIRST.encode()) == (edit.git, cart.text(OLD))


def conflict(shop: Shop) -> None:
    with pytest.raises(Exception, match="was changed in git since it was read"):
        shop.edits.save("shop", "L", engine("cart", "L", "third").encode(), None, ADA)


def test_of_two_looks_at_once_the_slower_leaves_what_came_back_after_the_other(cart: Shop) -> None:
    def meanwhile() -> None:
        cart.texts.look(ASKED)
        assert cart.text(OLD) is None
        pushed(cart, FIRST)

    look(cart)
    overtaken(cart, meanwhile)
    assert FIRST.encode() == cart.text(OLD)


def test_many_texts_are_looked_through_some_at_a_time(cart: Shop) -> None:
    texts = [f"# {number}\n".encode() for number in range(2_100)]
    for start in range(0, len(texts), 100):
        cart.store.commit([BLOBS.put(text, "shop", blob_id(text)) for text in texts[start : start + 100]])
    shown = cart.experiments()["cart"]
    last = max(blob_id(text) for text in texts)
    cart.store.commit([EXPERIMENTS.put(msgspec.structs.replace(shown, id="last", blob=last), "shop", "last")])
    look(cart, 2)
    found = cart.store.query(BLOBS.partition("shop"), limit=10)
    assert {shown.blob, last} == {record.key.sort for record in found}


def test_texts_are_looked_through_about_once_a_week(shop: Shop) -> None:
    asked: list[float] = []
    for hour in range(24 * 7 * 4):
        shop.reconciler.look_after(Message(new_id(), "reconcile", "project", {"project": "shop"}))
        for one in shop.queue.receive(100, 1e6):
            asked += [hour / 24] if one.message.action == "texts" else []
            shop.queue.ack(one)
        shop.clock.advance(3600)
    pauses = [later - sooner for sooner, later in pairwise([0.0, *asked])]
    assert 3 <= len(pauses) <= 4
    assert [] == [days for days in pauses if not LOOK.days * 0.8 <= days <= LOOK.days * 1.2 + 1]
