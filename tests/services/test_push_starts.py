"""Starts that pushes ask for become orders: at git's head, by the experiment's own clusters, within safety's rules."""

from __future__ import annotations

import shutil
from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.projects import Freeze, MaxRuns, Safety, Storm, Window
from shared.model.runs import Recent
from shared.model.triggers import Pushed
from shared.rules.routing import CLUSTERS
from shared.services.ledger import stamp
from shared.services.tables import EXPERIMENTS, PUSHED, RECENT
from tests.services.dispatch_stage import KILL, Stage

LOOSE = Safety(cooldown="0s")


@pytest.fixture(autouse=True)
def on(stage: Stage) -> None:
    settle(stage)


def settle(stage: Stage, safety: Safety = LOOSE, mode: str = "enforce", **fields: Any) -> None:
    gitops = {"run_on_push": "changed", "mode": mode} | fields.pop("gitops", {})
    stage.settle(safety, gitops=gitops, **fields)


def rules(stage: Stage) -> list[tuple[str, str]]:
    """Return verdict and rule of every row on orders that names a rule."""
    return [(row.verdict, row.detail["rule"]) for row in stage.rows("order") if row.detail.get("rule")]


def test_a_push_becomes_a_run_that_names_its_cause_and_commit(stage: Stage) -> None:
    stage.pushed()
    stage.pump()
    [run] = stage.runs()
    assert ("push", stage.head, (stage.head,), None) == (run.cause, run.commit, run.report_to, run.change)
    assert "push" == stage.subscriber.taken[run.id].parameters["cause"]
    assert stage.subscriber.taken[run.id].guard is None
    row = stage.rows("order")[0]
    assert ("ordered", f"the push of {stage.head[:12]} starts kill on cluster c1") == (row.verdict, row.reason)
    assert ("commit", stage.head) in [(link.rel, link.id) for link in row.links]


def test_a_message_that_comes_again_makes_nothing_again(stage: Stage) -> None:
    due = stage.pushed()
    stage.pump()
    stage.pushed(blob="b" * 40)
    stage.pump()
    rows = len(stage.rows("order"))
    for later in (0, 7200):
        stage.clock.advance(later)
        stage.dispatching.push(due)
    assert (2, rows) == (len(stage.runs()), len(stage.rows("order")))


def test_a_start_that_nobody_decided_does_nothing(stage: Stage) -> None:
    due = stage.pushed()
    stage.dispatching.push(msgspec.structs.replace(due, ids=due.ids | {"blob": "f" * 40}))
    stage.dispatching.push(msgspec.structs.replace(due, ids=due.ids | {"project": "other"}))
    assert [] == stage.orders()


def test_the_experiment_says_on_which_clusters_it_runs(stage: Stage) -> None:
    stage.cluster("c2")
    stage.pushed("kill", msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2,c9"}))
    stage.pump()
    assert ([("c2", "queued")], [("refused", "routing")]) == (stage.states(), rules(stage))


def test_among_several_clusters_none_is_guessed(stage: Stage) -> None:
    stage.cluster("c2")
    stage.pushed()
    stage.pump()
    assert ([], [("refused", "routing")]) == (stage.runs(), rules(stage))


def test_under_observe_it_is_shown_what_would_start(stage: Stage) -> None:
    settle(stage, mode="observe")
    due = stage.pushed()
    stage.pump()
    stage.dispatching.push(due)
    [row] = stage.rows("order")
    assert ("observed", "kill would start on cluster c1; the project observes") == (row.verdict, row.reason)
    assert ([], False, 1) == (stage.runs(), recent(stage).held, len(recent(stage).triggers))


@pytest.mark.parametrize(
    ("safety", "fields", "rule"),
    [
        pytest.param(LOOSE, {"freeze": Freeze("sale")}, "freeze", id="frozen"),
        pytest.param(Safety(windows=(Window("0 0 31 2 *", "1m"),)), {}, "windows", id="outside the windows"),
        pytest.param(Safety(allowed_namespaces=("db",)), {}, "allowed namespaces", id="namespace"),
        pytest.param(Safety(allowed_faults=("pod-io",)), {}, "allowed faults", id="fault"),
        pytest.param(LOOSE, {"gitops": {"enabled": False}}, "mode", id="off"),
        pytest.param(LOOSE, {"gitops": {"run_on_push": "never"}}, "run on push", id="turned to never"),
    ],
)
def test_what_is_refused_is_a_row_that_names_its_rule(
    stage: Stage, safety: Safety, fields: dict[str, Any], rule: str
) -> None:
    stage.pushed()
    settle(stage, safety, **fields)
    stage.pump()
    assert ([("refused", rule)], []) == (rules(stage), stage.runs())
    assert ("commit", stage.head) in [(link.rel, link.id) for link in stage.rows("order")[0].links]


def test_a_freeze_between_decision_and_dispatch_refuses_too(stage: Stage) -> None:
    stage.cluster("c1")
    stage.pushed()
    stage.pump()
    settle(stage, freeze=Freeze("sale"))
    assert ([], [("c1", "skipped")]) == (stage.poll(), stage.states())
    assert ("refused", "freeze") == rules(stage)[-1]


def test_places_are_limited_as_for_any_run(stage: Stage) -> None:
    stage.pushed()
    stage.pump()
    stage.pushed("other")
    stage.pump()
    assert [("c1", "queued"), ("c1", "waiting")] == stage.states()


def test_a_push_of_many_experiments_is_a_storm_and_waits_for_a_person(stage: Stage) -> None:
    settle(stage, Safety(cooldown="0s", storm=Storm(triggers=2)))
    for name in ("a", "b", "c"):
        stage.pushed(name)
    stage.pump()
    assert (True, ("held", "storm")) == (recent(stage).held, rules(stage)[-1])
    stage.releasing.release("shop", drop=True)
    stage.pump()
    assert ("refused", "storm") == rules(stage)[-1]


def together(stage: Stage, *names: str) -> list[Message]:
    """Push several texts at once, as a sync finds them, and return what asks for their starts."""
    stage.head = stage.push()
    for name in names:
        stage.experiment(name, KILL, commit=stage.head)
        pushed = Pushed(new_id(), stamp(stage.clock), among=len(names))
        stage.store.store.commit([PUSHED.put(pushed, "shop", f"{name}/{stage.blob}/{stage.head}")])
    blob, commit = stage.blob, stage.head
    asked = [{"project": "shop", "experiment": name, "blob": blob, "commit": commit} for name in names]
    return [Message(new_id(), "dispatch", "push", ids) for ids in asked]


def start(stage: Stage, asked: list[Message]) -> None:
    for due in asked:
        stage.dispatching.push(due)
    stage.pump()


@pytest.mark.parametrize(
    ("before", "count", "held"),
    [
        pytest.param(0, 3, False, id="as many as are let"),
        pytest.param(0, 4, True, id="one more"),
        pytest.param(2, 1, False, id="with those before, as many as are let"),
        pytest.param(2, 2, True, id="with those before, one more"),
    ],
)
def test_a_push_is_a_storm_by_all_that_it_starts_and_then_none_of_it_goes(
    stage: Stage, before: int, count: int, held: bool
) -> None:
    settle(stage, Safety(cooldown="0s", storm=Storm(triggers=3), max_runs=MaxRuns(99, 99)))
    for number in range(before):
        stage.pushed(f"before-{number}")
        stage.pump()
    went = len(stage.subscriber.taken)
    start(stage, together(stage, *(f"new-{number}" for number in range(count))))
    assert (before, held) == (went, recent(stage).held)
    assert before + (0 if held else count) == len(stage.subscriber.taken)
    stage.releasing.release("shop")
    stage.pump()
    assert (False, before + count) == (recent(stage).held, len(stage.subscriber.taken))


def test_what_comes_late_of_a_push_that_a_person_released_is_not_counted_again(stage: Stage) -> None:
    settle(stage, Safety(cooldown="0s", storm=Storm(triggers=1), max_runs=MaxRuns(99, 99)))
    first, late = together(stage, "a", "b")
    start(stage, [first])
    assert recent(stage).held
    stage.releasing.release("shop")
    start(stage, [late])
    assert (False, 2) == (recent(stage).held, len(stage.subscriber.taken))


def recent(stage: Stage) -> Recent:
    return RECENT.load_or(stage.store, Recent(), "shop").value


def test_a_newer_push_supersedes_a_start_that_was_not_looked_at(stage: Stage) -> None:
    stage.pushed()
    stage.clock.advance(1)
    stage.pushed(blob="b" * 40)
    stage.pump()
    assert ["b" * 40] == [order.blob for order in stage.orders()]
    assert [("superseded", "superseded")] == rules(stage)[:1]


def test_a_newer_push_replaces_an_order_that_did_not_start(stage: Stage) -> None:
    stage.cluster("c1")
    stage.pushed()
    stage.pump()
    stage.clock.advance(1)
    stage.pushed(blob="b" * 40)
    stage.pump()
    assert ["superseded", "ready"] == [order.state for order in stage.orders()]


def test_a_person_s_run_is_not_replaced_by_a_push(stage: Stage) -> None:
    stage.cluster("c1")
    stage.dispatching.start("shop", "kill", (), "person", "owner")
    stage.pushed()
    stage.pump()
    assert ["person", "push"] == sorted(run.cause for run in stage.runs() if run.state != "skipped")


def test_what_was_removed_after_the_push_does_not_start(stage: Stage) -> None:
    stage.pushed()
    stage.store.store.commit([EXPERIMENTS.delete("shop", "kill")])
    stage.pump()
    assert ([], [("superseded", "superseded")]) == (stage.runs(), rules(stage))


def test_it_waits_until_the_portal_is_at_the_head(stage: Stage) -> None:
    stage.pushed()
    pushed, stage.head = stage.head, stage.push()
    stage.pump()
    assert ([], 1) == (stage.runs(), len(stage.sent("project")))
    stage.experiment(commit=pushed)
    stage.pump(3)
    assert [pushed] == [run.commit for run in stage.runs()]


def test_it_waits_while_git_is_away_and_expires_with_that_reason(stage: Stage) -> None:
    stage.pushed()
    shutil.rmtree(stage.repository)
    stage.pump(3000)
    assert ([], []) == (stage.runs(), rules(stage))
    stage.pump(700)
    [row] = stage.rows("order")
    assert ("expired", "expiry", True) == (row.verdict, row.detail["rule"], "cannot be read" in row.reason)


def test_a_start_that_nobody_came_to_in_time_expires(stage: Stage) -> None:
    stage.pushed()
    stage.clock.advance(3601)
    stage.pump()
    assert ([], [("expired", "expiry")]) == (stage.runs(), rules(stage))


def test_a_conflict_keeps_it_from_starting(stage: Stage) -> None:
    stage.pushed(state="conflict")
    stage.pump()
    assert ([], [("refused", "experiment")]) == (stage.runs(), rules(stage))


def test_a_foreign_infra_id_runs_on_the_cluster_that_it_is_mapped_to(stage: Stage) -> None:
    foreign = msgspec.structs.replace(KILL, infra_id="7f2e")
    stage.cluster("c2")
    settle(stage, gitops={"infra_ids": {"7f2e": "c2"}})
    stage.pushed("kill", foreign)
    stage.pump()
    [run] = stage.dispatching.start("shop", "kill", (), "person", "owner")
    assert (["c2", "c2"], "c2") == ([run.cluster for run in stage.runs()], run.cluster)


def test_a_change_starts_a_foreign_infra_id_only_on_its_cluster(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, infra_id="7f2e"))
    stage.cluster("c2")
    for cluster in ("c2", "c1"):
        settle(stage, gitops={"infra_ids": {"7f2e": cluster}})
        stage.change()
        stage.pump()
    assert (["c1"], [("refused", "routing")]) == ([run.cluster for run in stage.runs()], rules(stage))
