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
from shared.model.projects import Freeze, Safety, Storm, Window
from shared.model.runs import Active, Recent
from shared.rules.safety import Facts, Pushing, refuse, remember, remember_push, scales_zero

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
        pytest.param(FACTS, None, "", id="nothing speaks against a change by a person"),
        pytest.param(
            facts(project_freeze=Freeze("sale", "ann", "2026-11-20T00:00:00Z")),
            "freeze",
            "the project is frozen by ann since 2026-11-20T00:00:00Z: sale",
            id="project frozen",
        ),
        pytest.param(
            facts(safety=Safety(windows=(Window("0 1 * * *", "1h"),))),
            "windows",
            "the project's",
            id="late",
        ),
        pytest.param(
            facts(safety=Safety(windows=(Window("0 1 * * *", "1h"), Window("0 12 * * *", "1h")))),
            None,
            "",
            id="one of two windows is open",
        ),
        pytest.param(facts(last=ago(minutes=29)), "cooldown", "until 2026-11-23T12:01:00.000Z", id="hot"),
        pytest.param(facts(last=ago(minutes=30)), None, "", id="cooled down after 30 minutes"),
        pytest.param(facts(last=ago(minutes=2), cooldown="1m"), None, "", id="the policy's shorter cooldown"),
        pytest.param(facts(last=ago(hours=1), cooldown="2h"), "cooldown", "", id="the policy's longer one"),
        pytest.param(facts(last=ago(), safety=Safety(cooldown="0s")), None, "", id="no cooldown"),
        pytest.param(facts(last=ago(), subject=None), None, "", id="a person's run has no cooldown"),
        pytest.param(facts(last=ago(minutes=-1)), "cooldown", "", id="a clock ahead of ours still counts"),
        pytest.param(
            facts(recent=Recent((ago(minutes=4),) * 10)),
            "storm",
            "more than 10 triggers in 5m",
            id="the eleventh trigger in five minutes",
        ),
        pytest.param(facts(recent=Recent((ago(minutes=5),) * 10)), None, "", id="the old ones do not count"),
        pytest.param(facts(recent=Recent((), held=True)), "storm", "", id="held until released"),
        pytest.param(
            facts(recent=Recent((ago(),) * 99, held=True), safety=Safety(storm=None)),
            None,
            "",
            id="no storm",
        ),
        pytest.param(facts(undoes="r7"), "undone chaos", "takes back what run r7 did", id="undone chaos"),
        pytest.param(facts(rollback=True), "rollback", "ignore_rollbacks", id="rollback"),
        pytest.param(
            facts(rollback=True, safety=Safety(ignore_rollbacks=False)),
            None,
            "",
            id="rollbacks count if set",
        ),
        pytest.param(facts(zero=True), "zero", "ignore_zero", id="from or to zero"),
        pytest.param(facts(zero=True, safety=Safety(ignore_zero=False)), None, "", id="zero counts if set"),
        pytest.param(
            facts(actor="system:serviceaccount:litmus-gitops:subscriber"),
            "chaos actor",
            "our own subscriber",
            id="our namespace",
        ),
        pytest.param(
            facts(actor="system:serviceaccount:chaos:litmus-gitops-subscriber"),
            "chaos actor",
            "our own subscriber",
            id="our account in another namespace",
        ),
        pytest.param(
            facts(actor="system:serviceaccount:litmus:argo-chaos", active=(run(service_accounts=("argo-chaos",)),)),
            "chaos actor",
            "the account of run r1",
            id="the service account of an open run",
        ),
        pytest.param(
            facts(actor="argo-chaos", active=(run(service_accounts=("argo-chaos",)),)),
            None,
            "",
            id="a person of that name is no service account",
        ),
        pytest.param(
            facts(actor="system:serviceaccount:ci:deployer", active=(run(service_accounts=("argo-chaos",)),)),
            None,
            "",
            id="another service account",
        ),
        pytest.param(
            facts(active=(run(workload=WEB),)),
            "open run",
            "run r1 targets Deployment/shop/web and is running",
            id="a run is on the workload",
        ),
        pytest.param(facts(active=(run(state="needs_attention", workload=WEB),)), "open run", "", id="or in trouble"),
        pytest.param(facts(active=(run(state="queued", workload=WEB),)), None, "", id="one not started is replaced"),
        pytest.param(facts(active=(run(workload="Deployment/shop/db"),)), None, "", id="a run on another workload"),
    ],
)
def test_a_change_is_refused_under_its_rules_name(known: Facts, rule: str | None, words: str) -> None:
    refusal = refuse("decision", known)
    assert rule == (refusal and refusal.rule)
    assert words in (refusal.reason if refusal else "")


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


def test_a_hold_stays_as_it_is_when_the_storm_is_over() -> None:
    held = remember(Recent(dropped_at=ago()), NOW, Storm(triggers=1), count=2)
    assert (True, 2, ago()) == (held.held, len(held.triggers), held.dropped_at)
    assert held == remember(held, NOW + timedelta(hours=1), Storm(triggers=1))
    assert held == remember(held, NOW, Storm(triggers=1), hold=False)


def test_a_push_counts_whole_and_once_even_after_a_release() -> None:
    push = Pushing("c1", 3)
    held = remember_push(Recent((ago(),)), NOW, Storm(triggers=3), push, hold=True)
    assert (True, 4, ("c1",)) == (held.held, len(held.triggers), held.pushes)
    released = Recent(pushes=held.pushes)
    assert released == remember_push(released, NOW, Storm(triggers=3), push, hold=True)
    assert released.pushes == remember(released, NOW, None).pushes == remember(released, NOW, Storm()).pushes


def test_pushes_that_were_counted_are_remembered_up_to_a_bound() -> None:
    recent = Recent()
    for number in range(40):
        recent = remember_push(recent, NOW, None, Pushing(f"c{number}", 1), hold=True)
    assert (32, "c39") == (len(recent.pushes), recent.pushes[-1])


def test_without_a_storm_rule_nothing_is_remembered() -> None:
    assert Recent(dropped_at=ago()) == remember(Recent((ago(),), held=True, dropped_at=ago()), NOW, None)


def side(spec: object) -> Side:
    return Side("u", {"spec": spec}, "d")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(side({"replicas": 0}), side({"replicas": 3}), True, id="from zero"),
        pytest.param(side({"replicas": 1}), side({"replicas": 0}), True, id="to zero"),
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
