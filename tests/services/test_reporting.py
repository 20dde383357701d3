"""What subscribers report: runs move on and end, once, whatever comes twice, late, astray or broken."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from shared.errors import BadInput, Conflict, NotFound, Unauthenticated
from shared.model.experiments import Fault
from shared.model.heartbeats import Heartbeat
from shared.model.runs import FaultResult, Run
from shared.services.ledger import stamp
from shared.services.portal_records import listed
from shared.services.tables import ACTIVE, COOLDOWNS, PRESENCE
from shared.wire.reports import write_heartbeat
from tests.services.dispatch_stage import KILL, Stage

FAULTS = (FaultResult("pod-delete", "Pass", 100.0), FaultResult("cpu", "Fail", 0.0, 20))


def started(stage: Stage) -> str:
    stage.change()
    stage.pump()
    return stage.runs()[-1].id


def run(stage: Stage) -> Run:
    return stage.runs()[0]


def test_a_run_moves_on_with_its_reports_and_is_scored_at_its_end(stage: Stage) -> None:
    order = started(stage)
    for state in ("waiting", "running"):
        stage.clock.advance(1)
        assert {"state": state} == stage.report(order, state, message=state).body
        assert (state, "Awaited", None) == (run(stage).state, run(stage).verdict, run(stage).score)
    stage.report(order, "completed", verdict="Fail", faults=FAULTS, score=99.0)
    assert ("completed", "Fail", 33.33) == (run(stage).state, run(stage).verdict, run(stage).score)
    assert FAULTS == run(stage).faults


def test_the_end_gives_the_place_back_and_says_so(stage: Stage) -> None:
    order = started(stage)
    stage.report(order, "completed", verdict="Pass", faults=FAULTS[:1])
    assert ([], "done") == (stage.open(), stage.order(order).state)
    assert [] == stage.store.query(ACTIVE.partition("c1"))
    stage.pump()
    assert [{"project": "shop", "run": order}] == [note.ids for note in stage.sent("note")]
    [row] = stage.rows("run")
    assert ("completed", "kill", "it ended as Pass, with a score of 100.00") == (row.verdict, row.subject, row.reason)
    assert {"run", "order", "change", "commit"} == {link.rel for link in row.links}


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        pytest.param("skipped", False, id="no chaos"),
        pytest.param("completed", True, id="chaos"),
        pytest.param("stopped", True, id="perhaps chaos"),
    ],
)
def test_only_a_run_that_did_no_chaos_gives_its_cooldown_back(stage: Stage, state: str, kept: bool) -> None:
    order = started(stage)
    bounds = stage.order(order).bounds
    assert bounds.triggered_at is not None
    name = ("shop", f"c1/{bounds.subject}/kill")
    stage.store.commit([COOLDOWNS.put(bounds.triggered_at, *name)])
    stage.report(order, state, message="because")
    assert kept is (COOLDOWNS.load(stage.store, *name) is not None)


def test_a_later_triggers_cooldown_stays(stage: Stage) -> None:
    order = started(stage)
    name = ("shop", f"c1/{stage.order(order).bounds.subject}/kill")
    stage.clock.advance(1)
    stage.store.commit([COOLDOWNS.put(stamp(stage.clock), *name)])
    stage.report(order, "skipped", message="because")
    assert COOLDOWNS.load(stage.store, *name) is not None


def test_each_report_that_tells_something_is_one_row(stage: Stage) -> None:
    order = started(stage)
    for second in range(3):
        stage.clock.advance(second)
        stage.report(order, "running", message="half way")
    stage.report(order, "completed", verdict="Pass")
    assert ["running", "completed"] == stage.verdicts("report")


def test_reports_in_any_order_and_twice_end_the_same(stage: Stage) -> None:
    states = ("waiting", "running", "completed")
    for order in permutations(states):
        stage.clock.advance(1)
        identity = started(stage)
        for state in (*order, *order):
            stage.report(identity, state, at=f"2100-01-01T01:00:0{states.index(state)}.000Z", verdict="Pass")
        assert {"completed"} == {one.state for one in stage.runs()}
    assert len(stage.runs()) == len(stage.rows("run"))


def test_a_report_that_comes_before_its_order_is_known_as_taken_counts(stage: Stage) -> None:
    stage.subscriber.status = 503
    order = started(stage)
    stage.report(order, "running")
    assert ("taken", "running") == (stage.order(order).state, run(stage).state)
    asked = len(stage.subscriber.asked)
    stage.pump(60)
    assert asked == len(stage.subscriber.asked)


def test_evidence_that_it_ran_overrides_that_it_expired(stage: Stage) -> None:
    stage.subscriber.status = 503
    order = started(stage)
    stage.pump(3700)
    assert ("expired", "expired") == (run(stage).state, stage.order(order).state)
    stage.report(order, "waiting")
    assert ("expired", []) == (run(stage).state, stage.open())
    stage.report(order, "running")
    assert ("running", [order], 1) == (run(stage).state, stage.open(), len(stage.store.query(ACTIVE.partition("c1"))))
    stage.report(order, "completed", verdict="Pass")
    assert ("completed", "done", []) == (run(stage).state, stage.order(order).state, stage.open())
    assert ["expired", "completed"] == stage.verdicts("run")


def test_what_needs_attention_keeps_its_place_until_it_ends(stage: Stage) -> None:
    order = started(stage)
    stage.report(order, "needs_attention", message="ChaosEngine x is active")
    stage.report(order, "running")
    assert ("needs_attention", [order]) == (run(stage).state, stage.open())
    stage.report(order, "stopped", verdict="Stopped")
    assert ("stopped", []) == (run(stage).state, stage.open())


def test_a_skipped_run_keeps_its_reason_and_has_no_score(stage: Stage) -> None:
    order = started(stage)
    stage.report(order, "skipped", message="preflight: no operator")
    assert ("skipped", "preflight: no operator", "", None) == (
        run(stage).state,
        run(stage).message,
        run(stage).verdict,
        run(stage).score,
    )


def test_a_report_about_another_clusters_order_is_not_found(stage: Stage) -> None:
    stage.cluster("c2")
    order = started(stage)
    with pytest.raises(NotFound, match="cluster c2 has no order"):
        stage.report(order, "completed", cluster="c2")
    assert "queued" == run(stage).state


def test_only_the_clusters_own_subscriber_is_believed(stage: Stage) -> None:
    order = started(stage)
    call = stage.call("/reports/c1", b'{"order":null}', key=b"x" * 32)
    with pytest.raises(Unauthenticated):
        stage.reporting.receive(call)
    with pytest.raises(Unauthenticated):
        stage.reporting.receive(msgspec.structs.replace(stage.call("/reports/c1", b"{}"), body=b"[]"))
    assert ("queued", order) == (run(stage).state, run(stage).id)


def test_what_is_no_report_is_named_only_to_who_may_report(stage: Stage) -> None:
    with pytest.raises(BadInput):
        stage.reporting.receive(stage.call("/reports/c1", b"{}"))
    with pytest.raises(Unauthenticated):
        stage.reporting.receive(stage.call("/reports/c1", b"{}", key=b"x" * 32))


def test_a_scheduled_run_is_known_by_its_own_name(stage: Stage) -> None:
    stage.report(None, "running", run="nightly-1", experiment="kill")
    stage.report(None, "completed", run="nightly-1", experiment="kill", verdict="Pass", faults=FAULTS[:1])
    stage.report(None, "running", run="nightly-1", experiment="kill")
    [found] = stage.runs()
    assert ("schedule", "kill", None, "completed", 100.0) == (
        found.cause,
        found.experiment,
        found.order,
        found.state,
        found.score,
    )
    assert ((stage.head,), ("shop",)) == (found.report_to, found.namespaces)


def test_a_scheduled_run_names_the_commit_that_was_installed_and_not_the_head(stage: Stage) -> None:
    installed = "c" * 40
    stage.report(None, "running", run="nightly-1", experiment="kill", commit=installed)
    stage.report(None, "completed", run="nightly-1", experiment="kill", verdict="Pass")
    [found] = stage.runs()
    assert (installed, (installed,)) == (found.commit, found.report_to)
    assert ("commit", installed) in [(link.rel, link.id) for link in stage.rows("report")[-1].links]


def test_what_a_scheduled_run_does_itself_triggers_nothing(stage: Stage) -> None:
    account = msgspec.structs.replace(KILL, faults=(Fault("pod-delete", "shop", service_account="argo-chaos"),))
    stage.experiment(manifest=account)
    stage.report(None, "running", run="nightly-1", experiment="kill")
    [active] = [row.value for row in listed(stage.store, ACTIVE, "c1")]
    assert ("argo-chaos",) == active.service_accounts


def test_a_scheduled_run_of_an_unknown_experiment_is_recorded_too(stage: Stage) -> None:
    stage.report(None, "running", run="manual-1")
    assert (None, "") == (run(stage).commit, run(stage).experiment)


def test_a_scheduled_run_never_takes_the_name_of_another(stage: Stage) -> None:
    stage.cluster("c2")
    order = started(stage)
    stage.report(None, "running", cluster="c2", run="nightly-1")
    with pytest.raises(Conflict):
        stage.report(None, "completed", run=order)
    with pytest.raises(Conflict):
        stage.report(None, "completed", run="nightly-1")


def test_a_scheduled_run_takes_a_place(stage: Stage) -> None:
    stage.report(None, "running", run="nightly-1", experiment="kill")
    stage.change()
    stage.pump()
    assert ["running", "waiting"] == sorted(one.state for one in stage.runs())


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        pytest.param("waiting", "taken", id="under way"),
        pytest.param("completed", "done", id="done"),
        pytest.param("stopped", "done", id="stopped"),
        pytest.param("skipped", "refused", id="skipped"),
        pytest.param("error", "refused", id="error"),
        pytest.param("expired", "expired", id="expired"),
    ],
)
def test_an_order_that_is_no_run_is_settled_once(stage: Stage, reported: str, expected: str) -> None:
    stage.cluster("c1")
    order = started(stage)
    stage.report(order, "running")
    stage.dispatching.stop("shop", order)
    [stop] = [one.id for one in stage.orders() if one.action == "stop"]
    for _ in range(2):
        assert {"state": expected} == stage.report(stop, reported).body
    assert 2 == len(stage.rows("report"))


def test_a_heartbeat_says_that_the_cluster_is_there(stage: Stage) -> None:
    answer = stage.reporting.receive(stage.call("/reports/c1", write_heartbeat(Heartbeat(stamp(stage.clock)))))
    found = PRESENCE.load(stage.store, "shop", "c1")
    assert found
    assert (200, stamp(stage.clock)) == (answer.status, found.value.last_seen)


@pytest.mark.parametrize("seconds", [90.0, -90.0], ids=["ahead", "behind"])
def test_a_heartbeat_tells_how_far_the_clusters_clock_is_off(stage: Stage, seconds: float) -> None:
    told = stage.clock() + timedelta(seconds=seconds)
    stage.reporting.receive(stage.call("/reports/c1", write_heartbeat(Heartbeat(stamp(lambda: told)))))
    found = PRESENCE.load(stage.store, "shop", "c1")
    assert found
    assert seconds == found.value.ahead


def test_a_cluster_that_was_silent_gets_at_once_what_waited_for_it(stage: Stage) -> None:
    stage.subscriber.status = 503
    started(stage)
    stage.pump(1000)
    stage.subscriber.status, stage.subscriber.asked = 202, []
    stage.reporting.receive(stage.call("/reports/c1", write_heartbeat(Heartbeat(stamp(stage.clock)))))
    stage.pump()
    assert 1 == len(stage.subscriber.taken)
    stage.pump(15)
    stage.reporting.receive(stage.call("/reports/c1", write_heartbeat(Heartbeat(stamp(stage.clock)))))
    assert stage.queue.due_in() != 0.0
