"""A subscriber that is in trouble: left alone more and more, tried by one at a time, and nobody else waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.clients.subscribers import HttpSubscribers
from shared.errors import NotYet
from shared.model.projects import MaxRuns, Safety
from shared.rules.reaching import OPENS_AT
from shared.rules.routing import CLUSTERS as NAMED
from shared.services.delivering import Delivering
from shared.services.lanes import Lanes
from shared.services.ledger import message
from shared.services.reaches import Reaches
from shared.services.tables import CLUSTERS, REACHES
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import KILL, Stage

ROOMY = Safety(cooldown="0s", storm=None, max_runs=MaxRuns(cluster=99, namespace=99))


class Hanging:
    """A subscriber that takes connections and answers once it is let."""

    def __init__(self) -> None:
        self.let, self.asked = threading.Event(), threading.Semaphore(0)
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                stand.asked.release()
                stand.let.wait(20)
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self.let.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    stand = Hanging()
    yield stand
    stand.close()


def ordered(stage: Stage, *names: str) -> str:
    """Have a change trigger each experiment, and return its id."""
    for name in names:
        stage.experiment(name)
    return stage.change(*names)


def test_a_circuit_opens_and_closes_with_one_row_of_the_ledger_each(stage: Stage) -> None:
    stage.settle(ROOMY)
    ordered(stage, "a", "b", "c")
    stage.subscriber.status = 503
    stage.pump(600)
    assert ["unreachable"] == stage.verdicts("cluster")
    stage.subscriber.status = 202
    stage.pump(120)
    assert ["unreachable", "reachable"] == stage.verdicts("cluster")
    assert "answered 503" in stage.rows("cluster")[0].reason
    assert 3 == len(stage.subscriber.taken)


def test_while_a_circuit_is_open_only_a_probe_goes_out_whatever_waits(stage: Stage) -> None:
    stage.settle(ROOMY)
    ordered(stage, *(f"e{number}" for number in range(10)))
    stage.subscriber.status = 503
    stage.pump(120)
    stage.subscriber.asked.clear()
    stage.pump(600)
    assert 10 <= len(stage.subscriber.asked) <= 21
    assert 1 == len(set(stage.subscriber.asked))


def test_an_order_waits_for_its_cluster_as_long_as_it_is_worth_it_and_becomes_no_dead_letter(stage: Stage) -> None:
    stage.subscriber.status = 500
    stage.change()
    stage.pump(3500)
    assert (True, []) == (stage.orders()[0].attempts > stage.queue.attempts, stage.queue.dead())
    stage.subscriber.status = 202
    stage.pump(90)
    assert ("taken", []) == (stage.orders()[0].state, stage.queue.dead())


def test_of_several_workers_one_tries_a_subscriber_in_trouble(stage: Stage) -> None:
    cluster = CLUSTERS.load(stage.store, "c1")
    assert cluster
    reaches = Reaches(stage.store, stage.clock, new_id, lambda: 0.0)
    seconds, writes = reaches.failure(cluster.value, "busy")
    stage.store.commit(writes)
    stage.clock.advance(seconds)
    start = threading.Barrier(4)

    def worker(_: int) -> bool:
        start.wait()
        try:
            reaches.claim(cluster.value)
        except NotYet:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert 1 == sum(pool.map(worker, range(4)))


def test_a_probe_whose_worker_died_is_tried_again(stage: Stage) -> None:
    cluster = CLUSTERS.load(stage.store, "c1")
    assert cluster
    reaches = Reaches(stage.store, stage.clock, new_id, lambda: 0.0)
    stage.store.commit(reaches.failure(cluster.value, "busy")[1])
    stage.clock.advance(2)
    reaches.claim(cluster.value)
    with pytest.raises(NotYet, match="left alone"):
        reaches.claim(cluster.value)
    stage.clock.advance(15)
    reaches.claim(cluster.value)


def test_the_first_try_to_stop_a_run_waits_for_no_pause(stage: Stage) -> None:
    stage.settle(ROOMY)
    stage.change()
    stage.pump()
    stage.subscriber.status = 503
    ordered(stage, "other")
    stage.pump(200)
    stage.subscriber.asked.clear()
    stage.dispatching.stop("shop", stage.runs()[0].id)
    stage.pump()
    assert ["stop"] == [stage.order(name).action for name in stage.subscriber.asked]


def test_a_subscriber_that_hangs_holds_up_few_and_the_others_none(stage: Stage, hanging: Hanging) -> None:
    stage.settle(ROOMY)
    stage.cluster("c1", hanging.url)
    stage.cluster("c2", stage.subscriber.url)
    stage.dispatching.change(stage.due(ordered(stage, *(f"e{number}" for number in range(6)))))
    stuck = [message(new_id, "dispatch", "order", cluster="c1", order=order.id) for order in stage.orders()]
    subscribers = HttpSubscribers(allow_local=True, read=20)
    conditions, lanes = stage.delivering.conditions, Lanes(total=4, each=2)
    delivering = Delivering(stage.store, subscribers, stage.clock, new_id, MASTER, conditions, lanes)
    with ThreadPoolExecutor(8) as pool, ExitStack() as left:
        left.callback(hanging.let.set)
        under_way = [pool.submit(delivering.order, one) for one in stuck]
        assert hanging.asked.acquire(timeout=10)
        assert hanging.asked.acquire(timeout=10)
        early = [one.exception() for one in islice(as_completed(under_way, 10), 4)]
        assert [NotYet] * 4 == [type(error) for error in early]
        [run] = stage.dispatching.start("shop", "e0", ["c2"], "person", "owner")
        delivering.order(message(new_id, "dispatch", "order", cluster="c2", order=run.id))
        assert "taken" == stage.order(run.id, "c2").state
    assert 2 == sum(order.state == "taken" for order in stage.orders())


def test_orders_of_one_trigger_reach_the_others_though_one_cluster_is_away(stage: Stage) -> None:
    stage.settle(ROOMY)
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={NAMED: "c1,c2,c3"}))
    stage.cluster("c2", "http://127.0.0.1:9/")
    stage.cluster("c3", stage.subscriber.url)
    stage.change()
    stage.pump()
    [proof] = [order.id for order in stage.orders() if order.action == "prove"]
    stage.report(proof, "completed")
    stage.pump()
    states = {cluster: [order.state for order in stage.orders(cluster)] for cluster in ("c2", "c3")}
    assert {"c2": ["ready"], "c3": ["taken"]} == states
    stage.cluster("c2", stage.subscriber.url)
    stage.pump(60)
    assert (["taken"], []) == ([order.state for order in stage.orders("c2")], stage.queue.dead())


def test_all_well_writes_nothing(stage: Stage) -> None:
    stage.change()
    stage.pump()
    assert None is REACHES.load(stage.store, "c1")


def test_opening_takes_that_many_failures(stage: Stage) -> None:
    stage.subscriber.status = 503
    stage.change()
    while len(stage.subscriber.asked) < OPENS_AT:
        assert [] == stage.verdicts("cluster")
        stage.pump(1)
    found = REACHES.load(stage.store, "c1")
    assert found
    assert ("open", OPENS_AT) == (found.value.state, found.value.failures)
