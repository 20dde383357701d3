from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Changed, Workload
from shared.model.experiments import Experiment, Fault, Manifest
from shared.model.orders import Bounds
from shared.model.projects import Window
from shared.model.runs import Active
from shared.model.schedules import Wanted
from shared.model.triggers import Trigger
from shared.rules.composing import (
    NEVER,
    Start,
    active_of,
    order_id,
    prove_order,
    run_of,
    run_order,
    schedule_order,
    stop_order,
)
from shared.rules.tracing import traceparent

AT, NOW = "2026-11-23T12:00:00.000Z", "2026-11-23T12:00:05.000Z"
WINDOW = Window("0 9 * * *", "1h")
TRIGGER = Trigger(
    Workload("c1", "Deployment", "shop", "web"),
    "u-1",
    (Changed("spec.replicas", "d"),),
    ("kill",),
    ("a" * 40, "b" * 40),
    cooldowns={"kill": "5m"},
    waits={"kill": "3m"},
    windows={"kill": (WINDOW,)},
)
MANIFEST = Manifest("Workflow", "kill", faults=(Fault("pod-delete", "shop"), Fault("pod-delete", service_account="sa")))
KILL = Experiment("kill", "p", "blob", "b" * 40, "synced", AT, name="kill", manifest=MANIFEST)
BY_CHANGE = Start("01J", "shop", "change", AT, "1h", KILL, TRIGGER)
BY_PERSON = Start("01K", "shop", "person", AT, "30m", KILL)


def test_the_origins_order_carries_guard_and_bounds() -> None:
    order = run_order(BY_CHANGE, "c1", NOW)
    assert order.guard is not None
    assert ("u-1", "3m", "web") == (order.guard.uid, order.guard.wait, order.guard.workload.name)
    assert ("waiting", "2026-11-23T13:00:00.000Z", "blob") == (order.state, order.not_after, order.blob)
    expected = Bounds("Deployment/shop/web", AT, "5m", (WINDOW,), ("shop", None), ("pod-delete",))
    assert expected == order.bounds


def test_another_clusters_order_is_held_after_the_proof_and_has_no_guard() -> None:
    proof = prove_order(BY_CHANGE, "c1", NOW)
    order = run_order(BY_CHANGE, "c2", NOW, proof.id)
    assert ("held", None, proof.id, "c1") == (order.state, order.guard, order.after, order.origin)
    assert ("prove", None, None, order.bounds) == (proof.action, proof.run, proof.blob, proof.bounds)
    assert run_order(BY_CHANGE, "c1", NOW).guard == proof.guard


def test_a_persons_order_has_no_guard_and_belongs_to_no_change() -> None:
    order = run_order(BY_PERSON, "c1", NOW)
    assert (None, None, None) == (order.guard, order.change, order.bounds.subject)
    assert "2026-11-23T12:30:00.000Z" == order.not_after
    assert prove_order(BY_PERSON, "c1", NOW).guard is None


def test_a_run_knows_what_it_may_touch_and_whom_to_tell() -> None:
    run = run_of(BY_CHANGE, run_order(BY_CHANGE, "c1", NOW))
    assert (("shop",), ("sa",), ("b" * 40, "a" * 40)) == (run.namespaces, run.service_accounts, run.report_to)
    assert Active(run.id, "shop", "kill", "queued", "Deployment/shop/web", ("shop",), ("sa",)) == active_of(run)


@pytest.mark.parametrize(
    ("came_at", "expected"),
    [
        pytest.param("2026-11-23T11:58:00.000Z", "2026-11-23T11:58:00.000Z", id="known"),
        pytest.param("", AT, id="else-when-it-was-decided"),
    ],
)
def test_a_run_knows_when_what_caused_it_came(came_at: str, expected: str) -> None:
    start = Start("01L", "shop", "push", AT, "1h", KILL, came_at=came_at)
    order = run_order(start, "c1", NOW)
    assert (expected, AT) == (run_of(start, order).triggered_at, order.bounds.triggered_at)


def test_an_order_to_stop_names_its_run() -> None:
    run = run_of(BY_PERSON, run_order(BY_PERSON, "c1", NOW))
    order = stop_order(run, "x", NOW)
    assert ("stop", {"run": run.id}, "2026-11-30T12:00:05.000Z") == (order.action, order.parameters, order.not_after)


def test_an_order_about_a_schedule_never_expires_and_says_whether_it_may_start_anything() -> None:
    wanted = Wanted("b1", "c1", suspend=True)
    order = schedule_order("shop", "n1", "eu", "install", wanted, "o1", "2026-03-04T12:00:00.000Z")
    assert (NEVER, "b1", "waiting", None) == (order.not_after, order.blob, order.state, order.run)
    told = {"infra_id": "eu", "workflow_id": "n1", "revision": "c1", "suspend": True}
    assert told == order.parameters
    assert schedule_order("shop", "n1", "eu", "remove", Wanted(), "o2", "").blob is None


def test_an_experiment_without_a_manifest_names_nothing() -> None:
    start = msgspec.structs.replace(BY_CHANGE, experiment=msgspec.structs.replace(KILL, manifest=None))
    assert ((), ()) == (run_order(start, "c1", NOW).bounds.namespaces, run_order(start, "c1", NOW).bounds.faults)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), unique=True, max_size=20))
def test_the_same_cause_always_makes_the_same_ids_and_another_one_others(parts: list[tuple[str, str]]) -> None:
    ids = [order_id("01J", *part) for part in parts]
    assert ids == [order_id("01J", *part) for part in parts]
    assert len(set(parts)) == len(set(ids)) or any("\n" in text for part in parts for text in part)


def test_orders_of_a_call_that_bears_a_trace_go_on_in_it() -> None:
    given = f"00-{'ab' * 16}-{'cd' * 8}-00"
    start = msgspec.structs.replace(BY_CHANGE, traceparent=given)
    orders = [run_order(start, "c1", NOW), run_order(start, "c2", NOW), prove_order(start, "c1", NOW)]
    contexts = [order.traceparent.split("-") for order in orders]
    assert [["00", "ab" * 16, "00"]] * 3 == [[version, trace, flags] for version, trace, _, flags in contexts]
    assert 3 == len({span for _, _, span, _ in contexts} - {"cd" * 8})
    assert stop_order(run_of(start, orders[0]), "s", NOW, orders[0].traceparent).traceparent.startswith(given[:36])


@pytest.mark.parametrize(("one", "other", "same"), [("a", "a", True), ("a", "b", False)])
def test_orders_of_one_cause_are_one_trace(one: str, other: str, same: bool) -> None:
    ours, theirs = traceparent(one, "o-1").split("-"), traceparent(other, "o-2").split("-")
    assert (["00", 32, 16, "01"], same) == ([ours[0], len(ours[1]), len(ours[2]), ours[3]], ours[1] == theirs[1])
    assert ours[2] != theirs[2]
