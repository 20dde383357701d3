from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Change, Side, Workload
from shared.model.projects import Freeze, MaxRuns, Safety, Storm, Window
from shared.model.runs import Active, Recent
from shared.rules.safety import Facts, Moment, refuse, remember, scales_zero

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WEB = "Deployment/shop/web"
FACTS = Facts(NOW, Safety(), "c1", "pod-delete", subject=WEB, actor="ann")


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(name: str = "r1", state: Any = "running", **more: Any) -> Active:
    return Active(name, "shop", more.pop("experiment", "other"), state, **more)


def facts(**more: Any) -> Facts:
    return msgspec.structs.replace(FACTS, **more)


@pytest.mark.parametrize(
    ("at", "known", "rule", "words"),
    [
        pytest.param("decision", FACTS, None, "", id="nothing speaks against a change by a person"),
        pytest.param("dispatch", FACTS, None, "", id="nor against its order"),
        pytest.param(
            "decision",
            facts(project_freeze=Freeze("sale", "ann", "2026-11-20T00:00:00Z")),
            "freeze",
            "the project is frozen by ann since 2026-11-20T00:00:00Z: sale",
            id="project frozen",
        ),
        pytest.param(
            "dispatch",
            facts(cluster_freeze=Freeze("", "bob", "2026-11-20T00:00:00Z")),
            "freeze",
            "cluster c1 is frozen by bob since 2026-11-20T00:00:00Z",
            id="cluster frozen",
        ),
        pytest.param(
            "decision",
            facts(safety=Safety(windows=(Window("0 1 * * *", "1h"),))),
            "windows",
            "the project's",
            id="late",
        ),
        pytest.param(
            "dispatch",
            facts(windows=(Window("0 1 * * *", "1h", "Europe/Berlin"),)),
            "windows",
            "outside the policy's windows: '0 1 * * *' for 1h in Europe/Berlin",
            id="policy's window",
        ),
        pytest.param(
            "decision",
            facts(safety=Safety(windows=(Window("0 1 * * *", "1h"), Window("0 12 * * *", "1h")))),
            None,
            "",
            id="one of two windows is open",
        ),
        pytest.param("decision", facts(last=ago(minutes=29)), "cooldown", "until 2026-11-23T12:01:00.000Z", id="hot"),
        pytest.param("decision", facts(last=ago(minutes=30)), None, "", id="cooled down after 30 minutes"),
        pytest.param(
            "decision", facts(last=ago(minutes=2), cooldown="1m"), None, "", id="the policy's shorter cooldown"
        ),
        pytest.param("decision", facts(last=ago(hours=1), cooldown="2h"), "cooldown", "", id="the policy's longer one"),
        pytest.param("decision", facts(last=ago(), safety=Safety(cooldown="0s")), None, "", id="no cooldown"),
        pytest.param("decision", facts(last=ago(), subject=None), None, "", id="a person's run has no cooldown"),
        pytest.param("decision", facts(last=ago(minutes=-1)), "cooldown", "", id="a clock ahead of ours still counts"),
        pytest.param(
            "dispatch", facts(last=ago(minutes=1), triggered_at=ago(minutes=1)), None, "", id="its own trigger is none"
        ),
        pytest.param(
            "dispatch", facts(last=ago(), triggered_at=ago(minutes=1)), None, "", id="nor is a later one's, at dispatch"
        ),
        pytest.param(
            "dispatch",
            facts(last=ago(minutes=9), triggered_at=ago(minutes=1)),
            "cooldown",
            "",
            id="an earlier one's is",
        ),
        pytest.param(
            "decision",
            facts(recent=Recent((ago(minutes=4),) * 10)),
            "storm",
            "more than 10 triggers in 5m",
            id="the eleventh trigger in five minutes",
        ),
        pytest.param(
            "decision", facts(recent=Recent((ago(minutes=5),) * 10)), None, "", id="the old ones do not count"
        ),
        pytest.param("decision", facts(recent=Recent((), held=True)), "storm", "", id="held until released"),
        pytest.param("dispatch", facts(recent=Recent((), held=True)), "storm", "", id="an order waits for the release"),
        pytest.param(
            "dispatch", facts(recent=Recent((ago(),) * 99)), None, "", id="at dispatch only the hold itself counts"
        ),
        pytest.param(
            "decision",
            facts(recent=Recent((ago(),) * 99, held=True), safety=Safety(storm=None)),
            None,
            "",
            id="no storm",
        ),
        pytest.param(
            "dispatch", facts(recent=Recent((), held=True), safety=Safety(storm=None)), None, "", id="storm turned off"
        ),
        pytest.param("decision", facts(rollback=True), "rollback", "ignore_rollbacks", id="rollback"),
        pytest.param(
            "decision",
            facts(rollback=True, safety=Safety(ignore_rollbacks=False)),
            None,
            "",
            id="rollbacks count if set",
        ),
        pytest.param("decision", facts(zero=True), "zero", "ignore_zero", id="from or to zero"),
        pytest.param("decision", facts(zero=True, safety=Safety(ignore_zero=False)), None, "", id="zero counts if set"),
        pytest.param(
            "decision",
            facts(actor="system:serviceaccount:litmus-gitops:subscriber"),
            "chaos actor",
            "our own subscriber",
            id="our namespace",
        ),
        pytest.param(
            "decision",
            facts(actor="system:serviceaccount:chaos:litmus-gitops-subscriber"),
            "chaos actor",
            "our own subscriber",
            id="our account in another namespace",
        ),
        pytest.param(
            "decision",
            facts(actor="system:serviceaccount:litmus:argo-chaos", active=(run(service_accounts=("argo-chaos",)),)),
            "chaos actor",
            "as which run r1 acts",
            id="the service account of an open run",
        ),
        pytest.param(
            "decision",
            facts(actor="argo-chaos", active=(run(service_accounts=("argo-chaos",)),)),
            None,
            "",
            id="a person of that name is no service account",
        ),
        pytest.param(
            "decision",
            facts(actor="system:serviceaccount:ci:deployer", active=(run(service_accounts=("argo-chaos",)),)),
            None,
            "",
            id="another service account",
        ),
        pytest.param(
            "decision",
            facts(active=(run(workload=WEB),)),
            "open run",
            "run r1 targets Deployment/shop/web and is running",
            id="a run is on the workload",
        ),
        pytest.param(
            "decision", facts(active=(run(state="needs_attention", workload=WEB),)), "open run", "", id="or in trouble"
        ),
        pytest.param(
            "decision", facts(active=(run(state="queued", workload=WEB),)), None, "", id="one not started is replaced"
        ),
        pytest.param(
            "decision", facts(active=(run(workload="Deployment/shop/db"),)), None, "", id="a run on another workload"
        ),
        pytest.param(
            "dispatch", facts(not_after=ago(seconds=1)), "expiry", "late chaos is never run", id="past its expiry"
        ),
        pytest.param("dispatch", facts(not_after=ago()), None, "", id="not yet past it"),
        pytest.param(
            "dispatch",
            facts(namespaces=("shop", "prod"), safety=Safety(allowed_namespaces=("shop*",))),
            "allowed namespaces",
            "namespace prod is not among those allowed: shop*",
            id="namespace not allowed",
        ),
        pytest.param(
            "dispatch",
            facts(namespaces=("shop",), safety=Safety(allowed_namespaces=("shop*",))),
            None,
            "",
            id="namespace allowed",
        ),
        pytest.param(
            "dispatch",
            facts(namespaces=("shop", None), safety=Safety(allowed_namespaces=("shop",))),
            "allowed namespaces",
            "does not say its namespace",
            id="namespace unknown",
        ),
        pytest.param(
            "dispatch",
            facts(safety=Safety(allowed_namespaces=("shop",))),
            "allowed namespaces",
            "does not say its namespace",
            id="no namespace at all",
        ),
        pytest.param(
            "dispatch",
            facts(faults=("node-drain",), safety=Safety(allowed_faults=("pod-*",))),
            "allowed faults",
            "fault node-drain is not among those allowed",
            id="fault not allowed",
        ),
        pytest.param(
            "dispatch", facts(faults=("pod-delete",), safety=Safety(allowed_faults=("pod-*",))), None, "", id="fault ok"
        ),
        pytest.param(
            "dispatch", facts(safety=Safety(allowed_faults=("pod-*",))), "allowed faults", "its fault", id="no fault"
        ),
        pytest.param(
            "dispatch",
            facts(active=(run(state="needs_attention", workload=WEB),)),
            "needs attention",
            "run r1",
            id="trouble on the workload",
        ),
        pytest.param(
            "dispatch",
            facts(active=(run(experiment="pod-delete"),)),
            "one run",
            "once at a time on cluster c1",
            id="the experiment is running",
        ),
        pytest.param("dispatch", facts(active=(run(),)), None, "", id="one of two runs on the cluster"),
        pytest.param(
            "dispatch", facts(active=(run(), run("r2"))), "max runs", "cluster c1 has 2 of 2 runs", id="cluster full"
        ),
        pytest.param(
            "dispatch",
            facts(namespaces=("shop",), active=(run(namespaces=("shop",)),)),
            "max runs",
            "namespace shop has 1 of 1 runs",
            id="namespace full",
        ),
        pytest.param(
            "dispatch",
            facts(
                namespaces=("shop",),
                active=(run(namespaces=("shop",)),),
                safety=Safety(max_runs=MaxRuns(cluster=3, namespace=2)),
            ),
            None,
            "",
            id="room in the namespace by setting",
        ),
        pytest.param(
            "dispatch", facts(namespaces=("db", None), active=(run(namespaces=("shop",)),)), None, "", id="elsewhere"
        ),
    ],
)
def test_a_refusal_names_its_rule(at: Moment, known: Facts, rule: str | None, words: str) -> None:
    refusal = refuse(at, known)
    assert rule == (refusal and refusal.rule)
    assert words in (refusal.reason if refusal else "")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(active=(run(), run("r2"))), True, id="room comes"),
        pytest.param(facts(recent=Recent((), held=True)), True, id="a release comes"),
        pytest.param(facts(project_freeze=Freeze()), False, id="a freeze refuses"),
        pytest.param(facts(project_freeze=Freeze(), recent=Recent((), held=True)), False, id="refusing goes first"),
    ],
)
def test_only_what_passes_by_itself_or_by_a_release_waits(known: Facts, expected: bool) -> None:
    refusal = refuse("dispatch", known)
    assert refusal is not None
    assert expected == refusal.wait


@given(st.lists(st.integers(min_value=1, max_value=120), min_size=12, max_size=40))
def test_the_hold_begins_with_the_trigger_that_is_one_too_many(gaps: list[int]) -> None:
    recent, now = Recent(), NOW
    times: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        times = [at for at in times if now - at < timedelta(minutes=5)] + [now]
        recent = remember(recent, now, Storm(), hold=False)
        assert len(times[-11:]) == len(recent.triggers)
        assert (len(times) > 10) == remember(Recent(recent.triggers[:-1]), now, Storm()).held


def test_a_hold_stays_when_the_storm_is_over() -> None:
    held = remember(Recent(), NOW, Storm(triggers=1), count=2)
    later = remember(held, NOW + timedelta(hours=1), Storm(triggers=1))
    assert (True, 1) == (later.held, len(later.triggers))


def test_without_a_storm_rule_nothing_is_remembered() -> None:
    assert Recent() == remember(Recent((ago(),), held=True), NOW, None)


def side(spec: object) -> Side:
    return Side("u", {"spec": spec}, "d")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(side({"replicas": 0}), side({"replicas": 3}), True, id="from zero"),
        pytest.param(side({}), side({"replicas": 0}), True, id="from the default to zero"),
        pytest.param(side({"replicas": 2}), side({"replicas": 3}), False, id="neither"),
        pytest.param(side({"replicas": 0, "a": 1}), side({"replicas": 0}), False, id="stays at zero"),
        pytest.param(side("x"), side({"replicas": "many"}), False, id="no numbers of replicas"),
        pytest.param(None, side({"replicas": 0}), False, id="created with none"),
    ],
)
def test_scaling_from_or_to_zero_is_seen(old: Side | None, new: Side, expected: bool) -> None:
    change = Change(Workload("c1", "Deployment", "shop", "web"), "admission", "UPDATE", "ann", ago(), new, old)
    assert expected == scales_zero(change)


def test_loading_the_rules_loads_no_cron() -> None:
    code = "import sys, shared.rules.safety; print('croniter' in sys.modules)"
    assert "False\n" == subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
