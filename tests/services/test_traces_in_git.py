"""A caller's trace goes on through what syncs, edits and words on schedules cause: starts, and orders to install."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.clients.ids import new_id
from shared.model.calls import Answer
from shared.model.experiments import SyncState
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.model.traces import NAME
from shared.model.traces import traced as with_trace
from shared.services.dirt import dirty
from shared.services.portal_records import listed
from shared.services.scheduling import Scheduling
from shared.services.tables import CLUSTERS, MEMBERS, ORDERS, PUSHED, SYNCS
from tests.services.api.conftest import Api
from tests.services.api.shops import CART, EXPERIMENTS, opened, put
from tests.services.chaos_manifests import cron
from tests.services.gitops import Shop, engine

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
CHANGED = engine("cart", "cart-1", "other")


@pytest.fixture
def api(shop: Shop) -> Api:
    """The API of a shop that follows git, runs what is pushed, and has a cluster."""
    one = Cluster("c1", "shop", "One", "")
    shop.store.commit([CLUSTERS.put(one, "c1"), MEMBERS.put(one, "shop", "c1")])
    shop.configure(mode="enforce", run_on_push="changed")
    return opened(shop)


def made(api: Api, text: str) -> Answer:
    return api("POST", EXPERIMENTS, text.encode(), content_type="application/yaml", traceparent=GIVEN)


def started(shop: Shop) -> list[str]:
    """Return the trace contexts of what was started by pushes and edits."""
    return [row.value.traceparent for row in listed(shop.store, PUSHED, "shop")]


def scheduled(shop: Shop) -> list[Dispatched]:
    """Look at the schedules that were asked for, and return the orders of the cluster, oldest first."""
    shop.work()
    asked, shop.others[:] = [one for one in shop.others if one.action == "schedule"], []
    for one in asked:
        Scheduling(shop.store, shop.clock, new_id).look(one)
    return [row.value for row in listed(shop.store, ORDERS, "c1")]


def traced(order: Dispatched) -> bool:
    return order.traceparent.split("-")[1] == TRACE


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda api: put(api, CHANGED, traceparent=GIVEN), id="a save"),
        pytest.param(lambda api: made(api, engine("new")), id="a new one"),
    ],
)
def test_an_edit_brings_its_trace_into_what_it_starts(shop: Shop, api: Api, act: Callable[[Api], object]) -> None:
    act(api)
    assert [GIVEN] == started(shop)


def test_an_edit_that_waits_keeps_its_trace(shop: Shop, api: Api) -> None:
    shop.server.stop()
    assert 202 == put(api, CHANGED, traceparent=GIVEN).status
    shop.server.start()
    shop.clock.advance(120)
    shop.work()
    assert [GIVEN] == started(shop)


def test_a_conflict_goes_on_in_the_trace_of_who_settles_it(shop: Shop, api: Api) -> None:
    shop.write(cart=engine("cart", "cart-1", "theirs"))
    shop.person.push()
    assert 409 == put(api, CHANGED, traceparent=GIVEN.replace("4bf9", "0000")).status
    [conflict] = shop.conflicts.of("shop")
    api("POST", f"/projects/shop/conflicts/{conflict.id}/settle", {"take": "portal"}, traceparent=GIVEN)
    assert [GIVEN] == started(shop)


def test_the_same_edit_in_another_trace_is_the_same_conflict(shop: Shop, api: Api) -> None:
    seen = f'"{shop.experiments()["cart"].blob}"'
    shop.write(cart=engine("cart", "cart-1", "theirs"))
    shop.person.push()
    for trace in (GIVEN, GIVEN.replace("4bf9", "0000")):
        assert 409 == put(api, CHANGED, if_match=seen, traceparent=trace).status
    assert 1 == len(shop.conflicts.of("shop"))


def test_a_push_brings_its_trace_into_the_orders_of_its_schedules(shop: Shop, api: Api) -> None:
    del api
    shop.write(nightly=cron("shop", "nightly"))
    shop.person.push()
    shop.store.commit(*dirty(shop.store, new_id, "shop", GIVEN))
    [first] = scheduled(shop)
    shop.remove("nightly")
    shop.push()
    [_, second] = scheduled(shop)
    assert [("install", True), ("remove", False)] == [(one.action, traced(one)) for one in (first, second)]


def test_an_edit_brings_its_trace_into_the_orders_of_its_schedule(shop: Shop, api: Api) -> None:
    made(api, cron("shop", "nightly"))
    [install] = scheduled(shop)
    nightly = shop.experiments()["nightly"].id
    api("DELETE", f"{EXPERIMENTS}/{nightly}", traceparent=GIVEN)
    [_, remove] = scheduled(shop)
    assert [("install", True), ("remove", True)] == [(one.action, traced(one)) for one in (install, remove)]
    assert install.traceparent != remove.traceparent


def test_a_person_s_word_brings_its_trace_into_the_order_of_a_schedule(shop: Shop, api: Api) -> None:
    shop.store.commit([SYNCS.put(SyncState(dirty=1), "shop")])
    shop.write(nightly=cron("shop", "nightly"))
    shop.push()
    assert [] == scheduled(shop)
    nightly = shop.experiments()["nightly"].id
    api("POST", f"{EXPERIMENTS}/{nightly}/schedule", {"accept": True}, traceparent=GIVEN)
    assert [True] == [traced(one) for one in scheduled(shop)]


def test_a_look_at_schedules_orders_in_the_trace_that_it_comes_in(shop: Shop, api: Api) -> None:
    del api
    shop.write(nightly=cron("shop", "nightly"))
    shop.push()
    shop.work()
    [asked] = [one for one in shop.others if one.action == "schedule"]
    assert NAME not in asked.ids
    shop.others[:] = [with_trace(asked, GIVEN)]
    assert [True] == [traced(one) for one in scheduled(shop)]


def test_a_rename_is_synced_in_its_trace(shop: Shop, api: Api) -> None:
    assert 200 == api("POST", f"{CART}/rename", {"path": "litmus/shop/other.yaml"}, traceparent=GIVEN).status
    assert GIVEN == shop.state().traceparent
