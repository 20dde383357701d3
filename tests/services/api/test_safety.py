from __future__ import annotations

from datetime import timedelta

import pytest

from shared.clients.ids import new_id
from shared.model.runs import Recent
from shared.services.api.clusters import Clusters
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from shared.services.api.safety import SafetyRules
from shared.services.releasing import Releasing
from shared.services.tables import RECENT
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_stage import Stage

SAFETY = "/projects/shop/safety"
FREEZE = "/projects/shop/freeze"
DEFAULTS = {
    "cooldown": "30m",
    "max_runs": {"cluster": 2, "namespace": 1},
    "storm": {"triggers": 10, "within": "5m"},
    "expiry": "1h",
    "windows": [],
    "allowed_namespaces": [],
    "allowed_faults": [],
    "ignore_rollbacks": True,
    "ignore_zero": True,
    "stop_conditions": [],
    "approval_namespaces": [],
}
CONDITION = {
    "name": "errors",
    "url": "https://prometheus.example.org",
    "promql": "errors / requests",
    "alert": None,
    "when": "> 0.05",
    "credential": "file:prometheus",
    "ca_bundle": None,
    "clusters": ["prod-*"],
}
WINDOW = {"cron": "0 9 * * 1-5", "duration": "8h", "time_zone": "Europe/Berlin"}


@pytest.fixture
def api(desk: Desk) -> Api:
    rules = SafetyRules(desk, Releasing(desk.store, desk.clock, desk.ids))
    call = client([*Projects(desk).operations(), *Clusters(desk).operations(), *rules.operations()])
    call("POST", "/projects", {"id": "shop", "name": "Shop"})
    return call


def test_a_new_project_is_safe(api: Api) -> None:
    assert body(api("GET", SAFETY)) == DEFAULTS


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"cooldown": "0s"}, {"cooldown": "0s"}, id="one"),
        pytest.param({"storm": None}, {"storm": None}, id="no-storm"),
        pytest.param({"storm": {"triggers": 3}}, {"storm": {"triggers": 3, "within": "5m"}}, id="part-of-the-storm"),
        pytest.param({"max_runs": {"cluster": 9}}, {"max_runs": {"cluster": 9, "namespace": 1}}, id="part-of-the-runs"),
        pytest.param({"windows": [WINDOW]}, {"windows": [WINDOW]}, id="windows"),
        pytest.param({"allowed_namespaces": ["shop-*"]}, {"allowed_namespaces": ["shop-*"]}, id="namespaces"),
        pytest.param({"ignore_zero": False, "expiry": "2h"}, {"ignore_zero": False, "expiry": "2h"}, id="two"),
        pytest.param({"stop_conditions": [CONDITION]}, {"stop_conditions": [CONDITION]}, id="stop-conditions"),
        pytest.param(DEFAULTS, {}, id="all-of-it-as-it-was-read"),
    ],
)
def test_only_what_is_named_is_replaced(api: Api, named: dict[str, object], expected: dict[str, object]) -> None:
    assert (200, DEFAULTS | expected) == ((answer := api("PUT", SAFETY, named)).status, body(answer))
    assert DEFAULTS | expected == body(api("GET", SAFETY))


def test_a_second_change_keeps_the_first(api: Api) -> None:
    api("PUT", SAFETY, {"storm": None, "max_runs": {"namespace": 5}})
    api("PUT", SAFETY, {"storm": {"within": "1m"}, "max_runs": {"cluster": 7}})
    shown = body(api("GET", SAFETY))
    assert ({"triggers": 10, "within": "1m"}, {"cluster": 7, "namespace": 5}) == (shown["storm"], shown["max_runs"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"cooldown": None},
        {"cooldown": "soon"},
        {"cooldown": 30},
        {"expiry": "0s"},
        {"storm": {"within": "0s"}},
        {"storm": {"triggers": 0}},
        {"storm": False},
        {"max_runs": {"cluster": 0}},
        {"max_runs": {"cluster": "2"}},
        {"max_runs": {"cluster": True}},
        {"max_runs": None},
        {"windows": [{"cron": "whenever", "duration": "1h"}]},
        {"windows": [{"cron": "* * * * * *", "duration": "1h"}]},
        {"windows": [{"cron": "0 9 * * *", "duration": "1 hour"}]},
        {"windows": [{"cron": "0 9 * * *"}]},
        {"windows": [WINDOW | {"time_zone": "Mars/Olympus"}]},
        {"windows": [WINDOW | {"time_zone": "../../etc/passwd"}]},
        {"windows": [WINDOW | {"time_zone": "\x00"}]},
        {"windows": [WINDOW] * 101},
        {"allowed_faults": "pod-delete"},
        {"allowed_faults": [""]},
        {"ignore_zero": "no"},
        {"stop_conditions": [{"promql": "up == 0"}]},
        {"stop_conditions": [CONDITION | {"alert": "Down"}]},
        {"stop_conditions": [CONDITION | {"when": "much"}]},
        {"stop_conditions": [CONDITION | {"credential": "s3cret"}]},
        {"stop_conditions": [CONDITION | {"url": "https://ada:word@example.org"}]},
        {"stop_conditions": [CONDITION, CONDITION]},
        {"stop_conditions": [CONDITION | {"name": str(number)} for number in range(11)]},
        {"cooldwon": "1h"},
    ],
    ids=str,
)
def test_wrong_rules_are_refused_and_change_nothing(api: Api, wrong: dict[str, object]) -> None:
    assert api("PUT", SAFETY, {"ignore_rollbacks": False} | wrong).status == 422
    assert DEFAULTS == body(api("GET", SAFETY))


def test_rules_that_were_changed_since_they_were_read_are_not_overwritten(api: Api) -> None:
    read = api("GET", SAFETY).headers["ETag"]
    api("PUT", FREEZE, {"reason": "this is no rule"})
    assert api("PUT", SAFETY, {"cooldown": "1h"}, if_match=read).status == 200
    assert api("PUT", SAFETY, {"cooldown": "2h"}, if_match=read).status == 409
    assert body(api("GET", SAFETY))["cooldown"] == "1h"


def test_a_freeze_stands_until_it_is_lifted(api: Api) -> None:
    frozen = body(api("PUT", FREEZE, {"reason": "release week"}))
    assert ("release week", "owner") == (frozen["reason"], frozen["by"])
    assert "release week" == body(api("GET", "/projects/shop"))["freeze"]["reason"]
    assert [204, 204] == [api("DELETE", FREEZE).status for _ in range(2)]
    assert body(api("GET", "/projects/shop"))["freeze"] is None


def test_a_cluster_is_frozen_by_itself(api: Api) -> None:
    api("POST", "/projects/shop/clusters", {"id": "c1", "name": "c1"})
    assert api("PUT", "/projects/shop/clusters/c1/freeze").status == 200
    assert body(api("GET", "/projects/shop/clusters"))["items"][0]["freeze"]["reason"] == ""
    assert body(api("GET", "/projects/shop"))["freeze"] is None
    assert api("DELETE", "/projects/shop/clusters/c1/freeze").status == 204
    assert body(api("GET", "/projects/shop/clusters"))["items"][0]["freeze"] is None
    assert [404, 404] == [api(method, "/projects/shop/clusters/c9/freeze").status for method in ("PUT", "DELETE")]


@pytest.mark.parametrize("wrong", [{"reason": 1}, {"reason": "x" * 1001}, {"because": "x"}, []])
def test_a_wrong_freeze_freezes_nothing(api: Api, wrong: object) -> None:
    assert api("PUT", FREEZE, wrong).status == 422
    assert body(api("GET", "/projects/shop"))["freeze"] is None


@pytest.mark.parametrize(("drop", "expected"), [(False, "taken"), (True, "refused")])
def test_held_orders_go_or_are_dropped(stage: Stage, drop: bool, expected: str) -> None:
    desk = Desk(stage.store, stage.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    api = client(SafetyRules(desk, stage.releasing).operations())
    stage.store.commit([RECENT.put(Recent(held=True), "shop")])
    stage.change()
    stage.pump()
    assert ["held"] == [order.state for order in stage.orders()]
    stage.clock.now += timedelta(seconds=1)
    answer = api("POST", "/projects/shop/release", {"drop": drop})
    assert (200, {"released": 1, "dropped": drop}) == (answer.status, answer.body)
    stage.pump()
    assert [expected] == [order.state for order in stage.orders()]
    assert {"released": 0, "dropped": False} == api("POST", "/projects/shop/release", {}).body
