from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.clients.sqlite import SqliteStore
from shared.model.hooks import Webhook
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster, GitOps, Project
from shared.services.ledger import Ledger
from shared.services.tables import EVENTS, MEMBERS, OPEN_ORDERS, PROJECTS, SYNCS, WEBHOOKS
from tests.services.gitops import FOLDER, Shop, engine

TICK = Message("tick", "reconcile", "tick", {})
LATER = "2100-01-01T02:00:00.000Z"
ORDER = Dispatched("o1", "shop", "L", "eu", "run", "2100-01-01T00:00:00.000Z", LATER, "ready")


def tick(shop: Shop) -> None:
    shop.reconciler.tick(TICK)
    shop.work()


def waiting(shop: Shop) -> list[tuple[str, str, dict[str, str]]]:
    """Return the visible messages of other functions, after each project was looked after."""
    shop.reconciler.tick(TICK)
    shop.reconciler.look_after(Message("m", "reconcile", "project", {"project": "shop"}))
    found = [one.message for one in shop.queue.receive(100, 60.0)]
    return [(one.function, one.action, one.ids) for one in found if one.function != "reconcile"]


def test_a_push_whose_delivery_never_came_is_found(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    commit = shop.person.push()
    tick(shop)
    assert ({"cart"}, commit) == (set(shop.experiments()), shop.state().commit)


def test_a_project_that_is_equal_costs_one_request_and_no_row(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.server.exchanges.clear()
    tick(shop)
    assert (1, 1) == (len(shop.server.exchanges), len(shop.ledger("sync")))


def test_a_sync_whose_message_was_lost_is_asked_for_again(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.queue.ack(shop.queue.receive(1, 60.0)[0])
    tick(shop)
    assert {"cart"} == set(shop.experiments())


def test_a_project_that_was_degraded_recovers(shop: Shop) -> None:
    shop.server.login = "ada:word"
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    assert shop.state().problem
    shop.configure(credential="file:token")
    tick(shop)
    assert ({"cart"}, None) == (set(shop.experiments()), shop.state().problem)


def test_a_host_that_is_away_is_shown_once_and_nothing_piles_up(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.server.stop()
    for _ in range(5):
        tick(shop)
    assert (shop.state().problem or "").startswith("the git host 127.0.0.1 does not answer")
    assert (0, ["synced", "degraded"]) == (shop.queue.depth().delayed, [row.verdict for row in shop.ledger("sync")])


def test_one_failing_project_does_not_stop_the_others(shop: Shop) -> None:
    lost = GitOps("http://127.0.0.1:9/none.git", "litmus/bank")
    unknown = GitOps(shop.url, FOLDER, credential="file:unknown")
    shop.store.commit(
        [PROJECTS.put(Project(name, name, "", gitops), name) for name, gitops in (("bank", lost), ("aaa", unknown))]
    )
    shop.write(cart=engine("cart"))
    shop.person.push()
    tick(shop)
    assert {"cart"} == set(shop.experiments())
    problems = {name: SYNCS.load(shop.store, name) for name in ("aaa", "bank")}
    assert {"aaa": "no such secret", "bank": "the git host 127.0.0.1 does"} == {
        name: (state.value.problem or "")[:27] for name, state in problems.items() if state
    }


@pytest.mark.parametrize("gitops", [None, GitOps("http://127.0.0.1:9/none.git", "x", enabled=False)])
def test_a_project_without_git_is_not_asked(shop: Shop, gitops: GitOps | None) -> None:
    shop.store.commit([PROJECTS.put(Project("shop", "Shop", "", gitops), "shop")])
    tick(shop)
    assert [] == shop.store.query(EVENTS.partition("shop", "sync"))


def test_an_unknown_project_is_nothing(shop: Shop) -> None:
    shop.reconciler.look_after(Message("m", "reconcile", "project", {"project": "unknown"}))
    assert [] == shop.queue.receive(1, 60.0)


def test_a_forgotten_edit_is_sent(shop: Shop) -> None:
    shop.write(cart=engine("cart", "L"))
    shop.push()
    shop.work()
    shop.server.stop()
    shop.edits.save("shop", "L", engine("new", "L").encode(), None, "Ada <ada@example.com>")
    for one in shop.queue.receive(100, 1e6):
        shop.queue.ack(one)
    shop.server.start()
    shop.clock.advance(20)
    assert "edit" not in [action for _, action, _ in waiting(shop)]
    shop.clock.advance(50)
    [edit] = shop.open_edits()
    assert ("sync", "edit", {"project": "shop", "edit": edit.id}) in waiting(shop)


def an_order(shop: Shop, **changes: Any) -> None:
    order = msgspec.structs.replace(ORDER, **changes)
    cluster = Cluster("eu", "shop", "EU", "")
    writes = [OPEN_ORDERS.put(order, "eu", order.id), MEMBERS.put(cluster, "shop", "eu")]
    shop.store.commit(writes)


def test_an_order_left_behind_is_sent_again_once(shop: Shop) -> None:
    an_order(shop)
    shop.clock.advance(120)
    shop.reconciler.tick(TICK)
    expected = ("dispatch", "order", {"cluster": "eu", "order": "o1"})
    shop.reconciler.look_after(Message(new_id(), "reconcile", "project", {"project": "shop"}))
    assert [expected] == [message for message in waiting(shop) if message[0] == "dispatch"]


def test_orders_are_looked_after_though_git_is_away(shop: Shop) -> None:
    shop.server.stop()
    an_order(shop, state="held")
    shop.clock.advance(3 * 3600)
    assert [("dispatch", "order", {"cluster": "eu", "order": "o1"})] == waiting(shop)


def test_an_order_that_was_tried_and_whose_message_was_given_up_is_sent_again(shop: Shop) -> None:
    an_order(shop, attempts=1)
    shop.clock.advance(120)
    expected = ("dispatch", "order", {"cluster": "eu", "order": "o1"})
    assert [expected] == [message for message in waiting(shop) if message[0] == "dispatch"]


def test_an_order_that_was_made_just_now_is_left_alone(shop: Shop) -> None:
    an_order(shop)
    shop.clock.advance(5)
    assert [] == [message for message in waiting(shop) if message[0] == "dispatch"]


def test_many_projects_do_not_ask_their_host_in_the_same_second(shop: Shop) -> None:
    names = ["shop", *(f"project-{number}" for number in range(499))]
    shop.store.commit([PROJECTS.put(Project(name, name, ""), name) for name in names[:100]])
    for page in range(1, 5):
        shop.store.commit([PROJECTS.put(Project(name, name, ""), name) for name in names[page * 100 :][:100]])
    shop.reconciler.tick(TICK)
    seconds = []
    for _ in range(10):
        shop.clock.advance(1)
        seconds.append(len(shop.queue.receive(1_000, 60.0)))
    assert (500, True) == (sum(seconds), max(seconds) < 100), seconds


@pytest.mark.parametrize(
    ("look_at", "expected"),
    [(None, True), ("2099-12-31T23:59:59.000Z", True), ("2100-01-01T00:00:01.000Z", False)],
)
def test_a_webhook_is_looked_at_when_its_time_has_come(shop: Shop, look_at: str | None, expected: bool) -> None:
    shop.configure(provider="github", webhook_secrets=("file:token",))
    if look_at:
        shop.store.commit([WEBHOOKS.put(Webhook(shop.url, look_at=look_at), "shop")])
    shop.reconciler.look_after(Message("m", "reconcile", "project", {"project": "shop"}))
    shop.reconciler.look_after(Message("m", "reconcile", "project", {"project": "shop"}))
    found = [one.message.ids for one in shop.queue.receive(100, 60.0) if one.message.action == "webhook"]
    assert ([{"project": "shop"}] if expected else []) == found


def test_a_tick_removes_what_aged_and_the_ledger_ages(shop: Shop) -> None:
    store = SqliteStore(shop.database, shop.clock, retention=3600.0)
    event, row = Ledger(shop.clock, new_id).row("shop", "sync", verdict="done", reason="so", subject="shop")
    store.commit([row])
    shop.clock.advance(3600)
    assert EVENTS.load(store, "shop", "sync", event.id) is None
    tick(shop)
    with shop.database.read() as connection:
        assert (0,) == connection.execute("SELECT count(*) FROM record WHERE sort = ?", (event.id,)).fetchone()
