from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.model.projects import Freeze, MaxRuns, Safety, Window
from shared.model.runs import Active, Recent
from shared.rules.safety import Facts, refuse

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
    ("known", "rule", "words"),
    [
        pytest.param(FACTS, None, "", id="nor against its order"),
        pytest.param(
            facts(cluster_freeze=Freeze("", "bob", "2026-11-20T00:00:00Z")),
            "freeze",
            "cluster c1 is frozen by bob since 2026-11-20T00:00:00Z",
            id="cluster frozen",
        ),
        pytest.param(
            facts(windows=(Window("0 1 * * *", "1h", "Europe/Berlin"),)),
            "windows",
            "outside the policy's windows: '0 1 * * *' for 1h in Europe/Berlin",
            id="policy's window",
        ),
        pytest.param(facts(last=ago(minutes=1), triggered_at=ago(minutes=1)), None, "", id="its own trigger is none"),
        pytest.param(facts(last=ago(), triggered_at=ago(minutes=1)), None, "", id="nor is a later one's, at dispatch"),
        pytest.param(
            facts(last=ago(minutes=9), triggered_at=ago(minutes=1)),
            "cooldown",
            "",
            id="an earlier one's is",
        ),
        pytest.param(facts(recent=Recent((), held=True)), "storm", "", id="an order waits for the release"),
        pytest.param(
            facts(triggered_at=ago(minutes=1), recent=Recent(dropped_at=ago())),
            "storm",
            "a person dropped",
            id="dropped",
        ),
        pytest.param(facts(triggered_at=ago(), recent=Recent(dropped_at=ago(minutes=1))), None, "", id="not this one"),
        pytest.param(facts(recent=Recent(dropped_at=ago())), None, "", id="a person's run is not dropped"),
        pytest.param(facts(recent=Recent((ago(),) * 99)), None, "", id="at dispatch only the hold itself counts"),
        pytest.param(facts(recent=Recent((), held=True), safety=Safety(storm=None)), None, "", id="storm turned off"),
        pytest.param(facts(not_after=ago(seconds=1)), "expiry", "late chaos is never run", id="past its expiry"),
        pytest.param(facts(not_after=ago()), None, "", id="not yet past it"),
        pytest.param(
            facts(namespaces=("shop", "prod"), safety=Safety(allowed_namespaces=("shop*",))),
            "allowed namespaces",
            "namespace prod is not among those allowed: shop*",
            id="namespace not allowed",
        ),
        pytest.param(
            facts(namespaces=("shop",), safety=Safety(allowed_namespaces=("shop*",))),
            None,
            "",
            id="namespace allowed",
        ),
        pytest.param(
            facts(namespaces=("shop", None), safety=Safety(allowed_namespaces=("shop",))),
            "allowed namespaces",
            "does not say its namespace",
            id="namespace unknown",
        ),
        pytest.param(
            facts(safety=Safety(allowed_namespaces=("shop",))),
            "allowed namespaces",
            "does not say its namespace",
            id="no namespace at all",
        ),
        pytest.param(
            facts(faults=("node-drain",), safety=Safety(allowed_faults=("pod-*",))),
            "allowed faults",
            "fault node-drain is not among those allowed",
            id="fault not allowed",
        ),
        pytest.param(facts(faults=("pod-delete",), safety=Safety(allowed_faults=("pod-*",))), None, "", id="fault ok"),
        pytest.param(facts(safety=Safety(allowed_faults=("pod-*",))), "allowed faults", "its fault", id="no fault"),
        pytest.param(
            facts(active=(run(state="needs_attention", workload=WEB),)),
            "needs attention",
            "run r1",
            id="trouble on the workload",
        ),
        pytest.param(
            facts(active=(run(experiment="pod-delete"),)),
            "one run",
            "once at a time on cluster c1",
            id="the experiment is running",
        ),
        pytest.param(facts(active=(run(),)), None, "", id="one of two runs on the cluster"),
        pytest.param(facts(active=(run(), run("r2"))), "max runs", "cluster c1 has 2 of 2 runs", id="cluster full"),
        pytest.param(
            facts(namespaces=("shop",), active=(run(namespaces=("shop",)),)),
            "max runs",
            "namespace shop has 1 of 1 runs",
            id="namespace full",
        ),
        pytest.param(
            facts(
                namespaces=("shop",),
                active=(run(namespaces=("shop",)),),
                safety=Safety(max_runs=MaxRuns(cluster=3, namespace=2)),
            ),
            None,
            "",
            id="room in the namespace by setting",
        ),
        pytest.param(facts(namespaces=("db", None), active=(run(namespaces=("shop",)),)), None, "", id="elsewhere"),
    ],
)
def test_an_order_is_refused_or_waits_under_its_rules_name(known: Facts, rule: str | None, words: str) -> None:
    refusal = refuse("dispatch", known)
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
