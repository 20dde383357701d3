"""The orders of one message: each for itself, whatever is wrong with another, and within the time of the message."""

from __future__ import annotations

import msgspec

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put
from shared.rules.routing import CLUSTERS as NAMED
from shared.services.remembering import Remembering
from shared.services.settling import Settling
from shared.services.tables import ORDERS
from tests.services.dispatch_stage import KILL, Stage
from tests.services.test_reaches import ROOMY

PLACE = Key("p", "a")


def fanned_out(stage: Stage) -> dict[str, str]:
    """Trigger on three clusters and have the change proved; return cluster → order of those that are to go out."""
    stage.settle(ROOMY)
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={NAMED: "c1,c2,c3"}))
    for name in ("c2", "c3"):
        stage.cluster(name, stage.subscriber.url)
    stage.change()
    stage.pump()
    [proof] = [order.id for order in stage.orders() if order.action == "prove"]
    stage.report(proof, "completed")
    return {name: stage.orders(name)[0].id for name in ("c2", "c3")}


def test_an_order_that_cannot_be_read_holds_up_no_other(stage: Stage) -> None:
    going = fanned_out(stage)
    stage.store.commit([Put(ORDERS.key("c2", going["c2"]), b"{}")])
    stage.delivering.orders(Message(new_id(), "dispatch", "orders", going))
    assert "taken" == stage.order(going["c3"], "c3").state
    waiting = {claimed.message.id for claimed in stage.queue.receive(100, 60)}
    stage.clock.advance(60)
    waiting |= {claimed.message.id for claimed in stage.queue.receive(100, 60)}
    assert f"remind-dispatch-order-c2-{going['c2']}" in waiting


def test_an_order_whose_turn_comes_late_goes_on_by_a_message_of_its_own(stage: Stage) -> None:
    going = fanned_out(stage)
    asked = len(stage.subscriber.asked)
    [[order], _] = stage.delivering.gates.let_all_go([("c2", going["c2"])])
    again = stage.delivering.tried(0.0, order)
    assert isinstance(again, Message)
    assert (("order", {"cluster": "c2", "order": going["c2"]}), asked) == (
        (again.action, again.ids),
        len(stage.subscriber.asked),
    )
    stage.delivering.order(again)
    assert "taken" == stage.order(going["c2"], "c2").state


def test_what_was_seen_stays_as_it_was_until_a_commit(stage: Stage) -> None:
    near = Remembering(stage.store)
    assert ({}, None) == (near.get_many([PLACE]), near.get(PLACE))
    stage.store.commit([Put(PLACE, b"1", ABSENT)])
    assert ({}, None) == (near.get_many([PLACE]), near.get(PLACE))
    assert [b"1"] == [record.value for record in near.query("p")]
    near.commit([Put(PLACE, b"2", 1)])
    assert [b"2", b"2"] == [found.value for found in (near.get(PLACE), near.get_many([PLACE])[PLACE]) if found]
    assert 0 == near.tidy()


def test_a_change_that_reaches_many_clusters_has_its_commits_told_once_and_its_proof_begun_last(stage: Stage) -> None:
    stage.settle(ROOMY)
    names = [f"c{number}" for number in range(1, 41)]
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={NAMED: ",".join(names)}))
    for name in names[1:]:
        stage.cluster(name, stage.subscriber.url)
    change = stage.change()
    stage.dispatching.change(stage.due(change))
    sent = [one.message for one in stage.queue.receive(100, 60)]
    told = [one.ids["commit"] for one in sent if (one.function, one.action) == ("sync", "status")]
    assert sorted({stage.head, "c" * 40}) == sorted(told)
    [proof] = [order.id for order in stage.orders() if order.action == "prove"]
    assert [max(sent, key=lambda one: one.id)] == [one for one in sent if one.ids.get("order") == proof]


def test_a_report_that_was_faster_counts_and_the_other_order_is_recorded(stage: Stage) -> None:
    going = fanned_out(stage)
    orders = [order for page in stage.delivering.gates.let_all_go(going.items()) for order in page]
    stage.store.commit([ORDERS.replace(orders[0], msgspec.structs.replace(orders[0].value, state="done"))])
    Settling(stage.store, stage.clock, new_id).settle([*orders])
    assert ["done", "taken"] == [stage.order(one.value.id, one.value.cluster).state for one in orders]
