"""A policy tried on what really happened."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.model.projects import Cluster
from shared.services.api.desk import Desk
from shared.services.api.policies import Policies
from shared.services.recorded_changes import KEPT, trim
from shared.services.tables import CHANGES, MEMBERS
from tests.services.api.conftest import Api, body, client
from tests.services.gitops import POLICY, engine
from tests.services.inside import inside_of
from tests.services.watched import MASTER, House, altered, recorded

SIMULATE = "/projects/shop/policies/simulate"
GROWN: dict[str, Any] = {
    "apiVersion": "eventtracker.litmuschaos.io/v1",
    "kind": "EventTrackerPolicy",
    "metadata": {"name": "grown"},
    "spec": {"conditions": [{"key": "spec.replicas", "operator": "GreaterThan", "value": "100"}]},
}


@pytest.fixture
def api(house: House) -> Api:
    return client(Policies(Desk(house.store, house.clock, new_id, MASTER, "", allow_local=True)).operations())


@pytest.fixture
def happened(house: House) -> House:
    for name in ("deployment-image", "deployment-replicas", "deployment-env"):
        house.admit(recorded(name))
    return house


def test_a_policy_says_of_each_change_whether_it_would_have_counted_and_why(api: Api, happened: House) -> None:
    told = body(api("POST", SIMULATE, {"policy": POLICY}))
    assert ("images", 3, 1, None) == (told["policy"], told["changes"], told["fired"], told["next"])
    env, replicas, image = told["items"]
    assert [False, False, True] == [env["fires"], replicas["fires"], image["fires"]]
    assert "it did not change" in env["reason"]
    assert {row.id for row in happened.rows()} == {one["event"] for one in told["items"]}
    assert ("Change", True) == (image["conditions"][0]["operator"], image["conditions"][0]["changed"])


def test_a_policy_says_where_it_hangs_on_what_came_sealed(api: Api, house: House) -> None:
    with inside_of(house) as inside:
        inside.told(recorded("deployment-image"))
    image = {"key": "spec.template.spec.containers[0].image", "operator": "NotEqualTo", "value": "nginx:1"}
    [unasked] = body(api("POST", SIMULATE, {"policy": GROWN | {"spec": {"conditions": [image]}}}))["items"]
    [moved] = body(api("POST", SIMULATE, {"policy": POLICY}))["items"]
    assert [(False, True), (True, False)] == [(one["fires"], one["unknown"]) for one in (unasked, moved)]


def test_nothing_is_started_or_written(api: Api, happened: House) -> None:
    before, happened.store.messages = happened.verdicts(), []
    happened.store.calls.clear()
    api("POST", SIMULATE, {"policy": POLICY})
    assert (before, [], 0) == (happened.verdicts(), happened.store.messages, happened.store.calls["commit"])


@pytest.mark.usefixtures("happened")
def test_a_policy_comes_as_an_object_too(api: Api) -> None:
    told = body(api("POST", SIMULATE, {"policy": GROWN}))
    assert (3, 0) == (told["changes"], told["fired"])


@pytest.mark.usefixtures("happened")
def test_changes_come_in_pages_and_only_since_then(api: Api) -> None:
    first = body(api("POST", f"{SIMULATE}?limit=2", {"policy": POLICY}))
    rest = body(api("POST", f"{SIMULATE}?limit=2&cursor={first['next']}", {"policy": POLICY}))
    assert (2, 1, None) == (len(first["items"]), len(rest["items"]), rest["next"])
    newest = first["items"][0]["at"]
    assert [newest] == [one["at"] for one in body(api("POST", SIMULATE, {"policy": POLICY, "since": newest}))["items"]]


def test_a_cluster_is_selected_by_its_labels(api: Api, happened: House) -> None:
    happened.store.commit([MEMBERS.put(Cluster("c1", "shop", "c1", "", {"stage": "prod"}), "shop", "c1")])
    for stage, fired in (("prod", 1), ("test", 0)):
        policy = POLICY + f"  selector: {{clusters: ['stage={stage}']}}\n"
        assert fired == body(api("POST", SIMULATE, {"policy": policy}))["fired"]


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        pytest.param({"policy": "kind: EventTrackerPolicy\n\tx: 1\n"}, 422, "tab", id="no YAML"),
        pytest.param({"policy": engine("cart")}, 422, "no EventTrackerPolicy", id="an experiment"),
        pytest.param({"policy": GROWN | {"spec": {}}}, 422, "says nothing", id="an empty policy"),
        pytest.param({}, 422, "policy", id="nothing"),
        pytest.param({"policy": POLICY, "since": "yesterday"}, 400, "RFC 3339", id="no time"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(api: Api, sent: dict[str, Any], status: int, says: str) -> None:
    answer = api("POST", SIMULATE, sent)
    assert status == answer.status
    assert says in str(answer.body)


def test_recorded_changes_are_kept_for_a_week(happened: House) -> None:
    happened.clock.advance(KEPT.total_seconds() - 60)
    happened.admit(altered(recorded("deployment-image"), image="app:9"))
    trim(happened.store, "shop", happened.clock())
    assert 4 == len(happened.store.query(CHANGES.partition("shop")))
    happened.clock.advance(120)
    trim(happened.store, "shop", happened.clock())
    assert 1 == len(happened.store.query(CHANGES.partition("shop")))
