"""What waits, what is held, what goes again: safety at dispatch, on the real records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.model.projects import Freeze, MaxRuns, Safety, Window
from shared.model.runs import Recent
from shared.rules.routing import CLUSTERS
from shared.services.gates import Gates
from shared.services.tables import RECENT
from tests.services.dispatch_parts import Killed
from tests.services.dispatch_stage import KILL, Stage

LOOSE = Safety(cooldown="0s")
ONE = Safety(cooldown="0s", max_runs=MaxRuns(cluster=1, namespace=9))


def held(stage: Stage, **fields: object) -> None:
    stage.store.commit([RECENT.put(msgspec.convert(fields, Recent), "shop")])


def test_further_runs_wait_and_go_oldest_first_as_places_come_free(stage: Stage) -> None:
    stage.settle(ONE)
    for name in ("a", "b", "c"):
        stage.experiment(name)
    stage.change("a", "b", "c")
    stage.pump()
    assert ["queued", "waiting", "waiting"] == sorted(run.state for run in stage.runs())
    assert "cluster c1 has 1 of 1 runs" in next(run.message for run in stage.runs() if run.state == "waiting")
    for number in (1, 2, 3):
        assert number == len(stage.subscriber.asked)
        stage.report(stage.subscriber.asked[-1], "completed", verdict="Pass")
        stage.pump()
    assert [("c1", "completed")] * 3 == stage.states()
    assert stage.subscriber.asked[1:] == sorted(stage.subscriber.asked[1:])


def test_places_are_never_given_twice_however_many_ask_at_once(stage: Stage) -> None:
    stage.settle(Safety(cooldown="0s", max_runs=MaxRuns(cluster=2, namespace=9)))
    stage.cluster("c1")
    names = [f"e{number}" for number in range(6)]
    for name in names:
        stage.experiment(name)
    stage.dispatching.change(stage.due(stage.change(*names)))
    gates = Gates(stage.store, stage.clock, new_id, stage.overseeing.conditions)
    with ThreadPoolExecutor(6) as pool:
        let_go = list(pool.map(lambda order: gates.let_go("c1", order.id), stage.orders()))
    assert 2 == sum(one is not None for one in let_go)
    assert ["ready", "ready", *["waiting"] * 4] == sorted(order.state for order in stage.orders())


def test_one_waiting_is_one_ledger_row_however_often_it_is_looked_at(stage: Stage) -> None:
    stage.settle(ONE)
    stage.experiment("a")
    stage.change("a", "kill")
    stage.pump()
    for _ in range(3):
        stage.delivering.next(stage.delivering._ordering.after(stage.orders()[0])[0])  # noqa: SLF001 - the same message
    stage.pump()
    assert 1 == stage.verdicts().count("waiting")


def test_what_waits_too_long_expires(stage: Stage) -> None:
    stage.settle(ONE)
    stage.experiment("a")
    stage.change("a", "kill")
    stage.pump()
    running = next(run.id for run in stage.runs() if run.state == "queued")
    stage.report(running, "running")
    stage.clock.advance(3601)
    stage.report(running, "completed", verdict="Pass")
    stage.pump()
    assert {("c1", "completed"), ("c1", "expired")} == set(stage.states())


@pytest.mark.parametrize(
    ("safety", "fields", "rule"),
    [
        pytest.param(LOOSE, {"freeze": Freeze("sale")}, "freeze", id="frozen meanwhile"),
        pytest.param(Safety(cooldown="0s", windows=(Window("0 3 * * *", "1h"),)), {}, "windows", id="window closed"),
        pytest.param(LOOSE, {"gitops": {"mode": "observe"}}, "mode", id="only observing meanwhile"),
        pytest.param(LOOSE, {"gitops": {"enabled": False}}, "mode", id="turned off meanwhile"),
    ],
)
def test_what_was_decided_is_judged_again_when_it_is_sent(
    stage: Stage, safety: Safety, fields: dict[str, object], rule: str
) -> None:
    stage.subscriber.status = 503
    stage.change()
    stage.pump()
    stage.settle(safety, **fields)
    stage.subscriber.status = 202
    stage.pump(60)
    assert ("refused", rule, {}) == (stage.orders()[0].state, stage.orders()[0].rule, stage.subscriber.taken)
    assert rule == stage.rows("order")[-1].detail["rule"]


def test_a_storm_is_held_until_a_person_releases_it(stage: Stage) -> None:
    held(stage, held=True)
    stage.change()
    stage.pump(600)
    assert (["held"], [("c1", "waiting")]) == ([order.state for order in stage.orders()], stage.states())
    assert 1 == stage.releasing.release("shop")
    stage.pump()
    assert (1, Recent()) == (len(stage.subscriber.taken), RECENT.load(stage.store, "shop").value)  # type: ignore[union-attr]


def test_a_dropped_storm_starts_nothing_but_what_comes_after_does(stage: Stage) -> None:
    held(stage, held=True)
    stage.change()
    stage.pump()
    stage.clock.advance(1)
    assert 1 == stage.releasing.release("shop", drop=True)
    stage.pump()
    assert ([("c1", "skipped")], {}) == (stage.states(), stage.subscriber.taken)
    stage.clock.advance(1)
    stage.change()
    stage.pump()
    assert 1 == len(stage.subscriber.taken)


def test_a_later_release_does_not_bring_back_what_was_dropped(stage: Stage) -> None:
    held(stage, held=True)
    change = stage.change()
    stage.clock.advance(1)
    stage.releasing.release("shop", drop=True)
    stage.releasing.release("shop")
    stage.store.commit([], [stage.due(change)])
    stage.pump()
    assert {} == stage.subscriber.taken


def test_a_storm_holds_a_proof_too_and_many_orders_are_released_at_once(stage: Stage) -> None:
    held(stage, held=True)
    names = [f"e{number}" for number in range(51)]
    for name in names:
        stage.experiment(name, msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2"}))
    stage.cluster("c2")
    stage.change(*names)
    stage.pump()
    assert {"held"} == {order.state for order in stage.orders()}
    assert 51 == stage.releasing.release("shop")
    stage.pump()
    assert 51 == len(stage.subscriber.taken)


def test_a_person_is_not_held_by_a_storm(stage: Stage) -> None:
    held(stage, held=True)
    stage.dispatching.start("shop", "kill", (), "person", "owner")
    stage.pump()
    assert 1 == len(stage.subscriber.taken)


def wide(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2"}))
    stage.cluster("c2")
    stage.settle(Safety(cooldown="0s", max_runs=MaxRuns(cluster=9, namespace=9)))
    stage.change()
    stage.pump()


def proof(stage: Stage) -> str:
    return next(order.id for order in stage.orders() if order.action == "prove")


def test_other_clusters_go_once_the_origin_has_proved_the_change(stage: Stage) -> None:
    wide(stage)
    stage.report(proof(stage), "waiting")
    stage.pump()
    assert [] == stage.poll("c2")
    stage.report(proof(stage), "completed")
    stage.pump()
    [order] = stage.poll("c2")
    assert ("run", None) == (order.action, order.guard)


def test_other_clusters_skip_a_change_that_was_not_proved(stage: Stage) -> None:
    wide(stage)
    stage.report(proof(stage), "skipped", message="reverted: spec.replicas")
    stage.pump()
    [run] = [run for run in stage.runs() if run.cluster == "c2"]
    assert "skipped" == run.state
    assert "c1 did not prove the change: reverted: spec.replicas" in run.message


def test_a_proof_that_came_before_those_that_wait_for_it_lets_them_go(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2"}))
    stage.cluster("c2")
    change = stage.change()
    stage.store.lives = 0
    with pytest.raises(Killed):
        stage.pump()
    assert ["prove"] == [order.action for order in stage.orders()]
    stage.delivering.order(stage.delivering._ordering.due(stage.orders()[0]))  # noqa: SLF001 - its own message
    stage.report(proof(stage), "completed")
    stage.store.commit([], [stage.due(change)])
    stage.pump()
    assert 1 == len(stage.poll("c2"))


def test_what_was_taken_and_never_started_expires(stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.clock.advance(3600 + 299)
    due = stage.delivering._ordering.due(stage.orders()[0])  # noqa: SLF001 - what reconcile sends
    stage.delivering.order(due)
    assert [("c1", "queued")] == stage.states()
    stage.clock.advance(2)
    stage.delivering.order(due)
    assert [("c1", "expired")] == stage.states()
