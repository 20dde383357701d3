"""From orders to clusters: POSTed or asked for, in order, again and again until taken, refused or too old."""

from __future__ import annotations

import msgspec
import pytest

from shared.errors import BadInput, Unauthenticated
from shared.model.projects import Safety
from shared.services.tables import BLOBS, CLUSTERS, ORDERS
from tests.services.dispatch_stage import Stage

LOOSE = Safety(cooldown="0s")
ROOMY = msgspec.structs.replace(LOOSE, max_runs=msgspec.convert({"cluster": 9, "namespace": 9}, type(LOOSE.max_runs)))


@pytest.mark.parametrize(
    ("status", "state", "run", "words"),
    [
        pytest.param(400, "refused", "skipped", "could not read it: not today", id="unreadable"),
        pytest.param(401, "refused", "skipped", "holds another secret", id="another secret"),
        pytest.param(409, "refused", "skipped", "refused it: not today", id="refused with a reason"),
        pytest.param(410, "expired", "expired", "too old: not today", id="too old"),
        pytest.param(413, "refused", "skipped", "too large", id="too large"),
    ],
)
def test_a_subscribers_no_ends_the_order_and_its_run(
    stage: Stage, status: int, state: str, run: str, words: str
) -> None:
    stage.subscriber.status = status
    stage.change()
    stage.pump()
    [order] = stage.orders()
    assert (state, [("c1", run)]) == (order.state, stage.states())
    assert words in order.reason
    assert (["ordered", state], [run]) == (stage.verdicts(), stage.verdicts("run"))
    assert ([], 1) == (stage.open(), len(stage.subscriber.asked))
    assert 1 == len(stage.sent("note"))


def test_the_reason_of_a_refusal_is_kept(stage: Stage) -> None:
    stage.subscriber.status, stage.subscriber.reason = 409, b'{"reason":"busy"}'
    stage.change()
    stage.pump()
    assert stage.orders()[0].reason.endswith(": busy")


@pytest.mark.parametrize("status", [pytest.param(500, id="broken"), pytest.param(404, id="not routed yet")])
def test_an_order_is_sent_again_with_growing_pauses_until_it_is_taken(stage: Stage, status: int) -> None:
    stage.subscriber.status = status
    stage.change()
    stage.pump(60)
    tries = len(stage.subscriber.asked)
    assert tries == stage.orders()[0].attempts
    assert 5 <= tries <= 7
    stage.subscriber.status = 202
    stage.pump(60)
    assert ("taken", tries + 1) == (stage.orders()[0].state, len(stage.subscriber.asked))


def test_a_subscriber_that_is_down_is_tried_again(stage: Stage) -> None:
    stage.cluster("c1", "http://127.0.0.1:9/")
    stage.change()
    stage.pump(5)
    [order] = stage.orders()
    assert ("ready", "its subscriber does not answer: ConnectionRefusedError") == (order.state, order.reason)
    stage.cluster("c1", stage.subscriber.url)
    stage.pump(60)
    assert [order.id] == list(stage.subscriber.taken)


def test_a_run_that_no_cluster_took_in_time_expires_and_is_never_sent_late(stage: Stage) -> None:
    stage.subscriber.status = 503
    stage.change()
    stage.pump(3700)
    stage.subscriber.status = 202
    stage.pump(3700)
    assert ({}, [("c1", "expired")]) == (stage.subscriber.taken, stage.states())
    assert (["ordered", "expired"], []) == (stage.verdicts(), stage.queue.dead())


def test_an_offline_cluster_gets_its_orders_in_order(stage: Stage) -> None:
    stage.settle(ROOMY)
    for name in ("a", "b", "c", "d"):
        stage.experiment(name)
    stage.subscriber.status = 503
    stage.change("a", "b")
    stage.pump(40)
    stage.clock.advance(1)
    stage.change("c", "d")
    stage.pump(40)
    stage.subscriber.status, stage.subscriber.asked = 202, []
    stage.pump(120)
    assert [order.id for order in stage.orders()] == stage.subscriber.asked


def test_an_order_whose_answer_was_lost_is_taken_once(stage: Stage) -> None:
    stage.change()
    stage.pump()
    [order] = stage.orders()
    lost = ORDERS.load(stage.store, "c1", order.id)
    assert lost
    stage.store.commit([ORDERS.replace(lost, msgspec.structs.replace(order, state="ready"))])
    stage.store.commit([], [stage.delivering._ordering.due(order)])  # noqa: SLF001 - what reconcile sends
    stage.pump()
    assert (2, 1) == (len(stage.subscriber.asked), len(stage.subscriber.taken))
    assert "taken" == stage.order(order.id).state


def test_a_manifest_that_is_gone_ends_the_order(stage: Stage) -> None:
    stage.change()
    stage.store.commit([BLOBS.delete("shop", stage.blob)])
    stage.pump()
    assert ("refused", [("c1", "skipped")]) == (stage.orders()[0].state, stage.states())
    assert "is gone" in stage.orders()[0].reason


def test_a_subscriber_without_an_address_asks_for_its_orders(stage: Stage) -> None:
    stage.cluster("c1")
    stage.change()
    stage.pump()
    [order] = stage.poll()
    assert ("kill", "run", "ready") == (order.experiment, order.action, stage.order(order.order).state)
    assert [order.order] == [again.order for again in stage.poll()]
    stage.report(order.order, "waiting")
    assert ([], "taken") == (stage.poll(), stage.order(order.order).state)


def test_polling_waits_for_an_order_but_not_for_ever(stage: Stage) -> None:
    stage.cluster("c1")
    started = stage.clock.now
    assert [] == stage.poll(wait="3")
    assert (3.0, 6) == ((stage.clock.now - started).total_seconds(), len(stage.pauses))
    assert [] == stage.poll(wait="9999")
    assert 28.0 == (stage.clock.now - started).total_seconds()
    assert [] == stage.poll(wait="-1")


def test_polling_is_woken_by_an_order(stage: Stage) -> None:
    stage.cluster("c1")
    stage.change()
    stage.polling = type(stage.polling)(
        stage.store,
        stage.clock,
        stage.polling.ids,
        stage.polling.master,
        stage.polling.conditions,
        lambda _: stage.pump(),
    )
    assert 1 == len(stage.poll(wait="20"))


def test_what_is_polled_too_late_has_expired(stage: Stage) -> None:
    stage.cluster("c1")
    stage.change()
    stage.pump()
    stage.clock.advance(3601)
    assert ([], [("c1", "expired")]) == (stage.poll(), stage.states())


def test_a_polled_order_whose_manifest_is_gone_ends(stage: Stage) -> None:
    stage.cluster("c1")
    stage.change()
    stage.pump()
    stage.store.commit([BLOBS.delete("shop", stage.blob)])
    assert ([], [("c1", "skipped")]) == (stage.poll(), stage.states())


@pytest.mark.parametrize(
    ("cluster", "signer"),
    [
        pytest.param("c1", "c2", id="another cluster's secret"),
        pytest.param("c9", "c9", id="a cluster that nobody registered"),
    ],
)
def test_orders_are_given_only_to_their_own_cluster(stage: Stage, cluster: str, signer: str) -> None:
    call = stage.call(f"/orders/{cluster}", b"", signer)
    with pytest.raises(Unauthenticated):
        stage.polling.poll(msgspec.structs.replace(call, params={"cluster": cluster}))


def test_a_secret_of_an_earlier_version_is_no_good(stage: Stage) -> None:
    found = CLUSTERS.load(stage.store, "c1")
    assert found
    stage.store.commit([CLUSTERS.put(msgspec.structs.replace(found.value, version=2), "c1")])
    with pytest.raises(Unauthenticated):
        stage.poll()


def test_a_wait_that_is_no_number_is_named(stage: Stage) -> None:
    with pytest.raises(BadInput, match="wait='soon' is no whole number of seconds"):
        stage.poll(wait="soon")
    with pytest.raises(BadInput, match="wait='nan' is no whole number of seconds"):
        stage.poll(wait="nan")


def test_a_cluster_that_left_gets_nothing(stage: Stage) -> None:
    stage.change()
    stage.subscriber.status = 503
    stage.pump()
    stage.store.commit([CLUSTERS.delete("c1")])
    stage.pump(10)
    assert ("refused", "routing") == (stage.orders()[0].state, stage.orders()[0].rule)
