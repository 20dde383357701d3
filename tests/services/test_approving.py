"""Orders into named namespaces wait for a person's word."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, NotFound
from shared.model.projects import Freeze, MaxRuns, Safety
from shared.rules.routing import CLUSTERS
from shared.services.approving import Approving
from tests.services.dispatch_parts import Killed
from tests.services.dispatch_stage import KILL, Stage

ADA = "Ada <ada@example.com>"
CAREFUL = Safety(cooldown="0s", approval_namespaces=("shop",))


def waiting(stage: Stage, safety: Safety = CAREFUL, **fields: Any) -> str:
    stage.settle(safety, **fields)
    stage.change()
    stage.pump()
    [run] = stage.runs()
    return run.id


def approving(stage: Stage) -> Approving:
    return Approving(stage.store, stage.clock, new_id)


def test_nothing_goes_until_a_person_approves_it_and_the_ledger_says_who_and_why(stage: Stage) -> None:
    run = waiting(stage)
    stage.pump(600)
    [shown] = stage.runs()
    assert ({}, "waiting", "namespace shop needs a person's approval") == (
        stage.subscriber.taken,
        shown.state,
        shown.message,
    )
    approving(stage).approve("shop", run, ADA, "the on-call knows")
    stage.pump()
    assert [run] == list(stage.subscriber.taken)
    [row] = [row for row in stage.rows("order") if row.verdict == "approved"]
    assert (f"{ADA} approved it: the on-call knows", "approval") == (row.reason, row.detail["rule"])
    assert ("run", run) in [(link.rel, link.id) for link in row.links]
    assert ["ordered", "waiting", "approved", "taken"] == stage.verdicts()


def test_what_is_denied_ends_and_the_ledger_says_who_and_why(stage: Stage) -> None:
    run = approving(stage).deny("shop", waiting(stage), ADA, "not today")
    stage.pump()
    assert ("skipped", f"{ADA} denied it: not today", {}) == (run.state, run.message, stage.subscriber.taken)
    row = stage.rows("order")[-1]
    assert ("refused", "approval") == (row.verdict, row.detail["rule"])


def test_who_started_it_matters_not(stage: Stage) -> None:
    stage.settle(CAREFUL)
    [run] = stage.dispatching.start("shop", "kill", (), "person", "owner")
    stage.pump()
    assert ([("c1", "waiting")], {}) == (stage.states(), stage.subscriber.taken)
    approving(stage).approve("shop", run.id, ADA, "")
    stage.pump()
    assert [run.id] == list(stage.subscriber.taken)


def test_what_nobody_speaks_on_expires(stage: Stage) -> None:
    run = waiting(stage)
    stage.clock.advance(3601)
    stage.delivering.order(stage.delivering._ordering.due(stage.orders()[0]))  # noqa: SLF001 - what reconcile sends
    assert [("c1", "expired")] == stage.states()
    with pytest.raises(Conflict, match="is expired and waits for nobody's approval"):
        approving(stage).approve("shop", run, ADA, "")


def test_an_approval_is_no_way_past_the_other_rules(stage: Stage) -> None:
    run = waiting(stage)
    approving(stage).approve("shop", run, ADA, "")
    stage.settle(CAREFUL, freeze=Freeze("sale"))
    stage.pump()
    assert ("refused", "freeze", {}) == (stage.orders()[0].state, stage.orders()[0].rule, stage.subscriber.taken)


def test_an_approval_holds_while_it_waits_for_a_place_and_can_be_taken_back(stage: Stage) -> None:
    stage.settle(Safety(cooldown="0s"))
    stage.experiment("other")
    stage.change("other")
    stage.pump()
    stage.settle(Safety(cooldown="0s", approval_namespaces=("shop",), max_runs=MaxRuns(cluster=1)))
    stage.change()
    stage.pump()
    run = next(one.id for one in stage.runs() if one.state == "waiting")
    approving(stage).approve("shop", run, ADA, "")
    stage.pump()
    assert "max runs" == stage.order(run).rule
    assert "skipped" == approving(stage).deny("shop", run, ADA, "").state


def test_two_words_are_one(stage: Stage) -> None:
    run = waiting(stage)
    for _ in range(2):
        approving(stage).approve("shop", run, ADA, "")
    assert 1 == stage.verdicts().count("approved")
    stage.pump()
    with pytest.raises(Conflict, match="waits for nobody's approval"):
        approving(stage).deny("shop", run, ADA, "")


@pytest.mark.parametrize("early", [False, True])
def test_a_word_survives_the_death_of_its_process_or_was_never_given(stage: Stage, early: bool) -> None:
    run = waiting(stage)
    stage.store.lives, stage.store.early = 0, early
    with pytest.raises(Killed):
        approving(stage).approve("shop", run, ADA, "")
    stage.pump()
    assert (not early) == (run in stage.subscriber.taken)


def test_what_waits_for_no_approval_cannot_be_approved(stage: Stage) -> None:
    run = waiting(stage, Safety(cooldown="0s", approval_namespaces=("payments",)))
    for judge in (approving(stage).approve, approving(stage).deny):
        with pytest.raises(Conflict, match="waits for nobody's approval"):
            judge("shop", run, ADA, "")
    with pytest.raises(NotFound, match="no run 'r9'"):
        approving(stage).approve("shop", "r9", ADA, "")


def test_a_proof_needs_no_approval_but_what_waits_for_it_does(stage: Stage) -> None:
    stage.cluster("c2")
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2"}))
    run = waiting(stage)
    proof = next(order.id for order in stage.orders() if order.action == "prove")
    assert [proof] == list(stage.subscriber.taken)
    stage.report(proof, "completed")
    stage.pump()
    assert ([], "approval") == (stage.poll("c2"), stage.order(run, "c2").rule)
    approving(stage).approve("shop", run, ADA, "")
    stage.pump()
    assert [run] == [order.order for order in stage.poll("c2")]


def test_what_is_only_observed_says_that_it_would_wait(stage: Stage) -> None:
    stage.settle(CAREFUL, gitops={"mode": "observe"})
    stage.change(verdict="observed")
    stage.pump()
    [row] = stage.rows("order")
    assert ("observed", "approval") == (row.verdict, row.detail["rule"])
    assert "would wait (approval: namespace shop needs a person's approval) on cluster c1" in row.reason
