from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.clients.ids import new_id
from shared.services.api.desk import Desk
from shared.services.api.safety import SafetyRules
from shared.services.api.stop_conditions import StopConditions
from tests.monitors import MonitorStand
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_stage import Stage

ASKED = "/projects/shop/safety/conditions"


@pytest.fixture
def monitor() -> Iterator[MonitorStand]:
    with MonitorStand().open() as stand:
        yield stand


@pytest.fixture
def api(stage: Stage) -> Api:
    desk = Desk(stage.store, stage.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    conditions = StopConditions(desk, stage.overseeing.conditions)
    return client([*SafetyRules(desk, stage.releasing).operations(), *conditions.operations()])


def test_each_condition_is_shown_as_it_stands(stage: Stage, api: Api, monitor: MonitorStand) -> None:
    monitor.values = {"errors": [({"job": "web"}, "+Inf")]}
    rules = [
        {"name": "errors", "url": monitor.url, "promql": "errors", "when": "> 0.05", "clusters": ["prod-*"]},
        {"name": "slow", "url": monitor.url, "promql": "slow", "when": "> 1"},
        {"name": "page", "url": monitor.url, "alert": "HighErrorRate"},
    ]
    assert 200 == api("PUT", "/projects/shop/safety", {"stop_conditions": rules}).status
    items = body(api("GET", ASKED))["items"]
    assert [("errors", "breached"), ("slow", "unknown"), ("page", "fine")] == [
        (one["name"], one["state"]) for one in items
    ]
    assert [{"value": "inf", "labels": {"job": "web"}}] == items[0]["values"]
    assert "errors is breached: it is inf (job=web), and > 0.05 stops chaos" == items[0]["reason"]
    monitor.values = {"errors": [({}, "0")]}
    stage.clock.now += timedelta(seconds=1)
    assert ("fine", None) == tuple(body(api("GET", ASKED))["items"][0][name] for name in ("state", "reason"))


def test_a_project_without_conditions_asks_nobody(api: Api) -> None:
    assert {"items": [], "next": None} == body(api("GET", ASKED))
