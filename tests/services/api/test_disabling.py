"""What turning GitOps off means for what is under way: nothing new begins, nothing is lost, what runs ends in order."""

from __future__ import annotations

from typing import Any

import pytest

from infra.delivering import TICK
from shared.clients.ids import new_id
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from tests.services.api.conftest import Api, body, client
from tests.services.api.shops import CART, TEXT, opened, put
from tests.services.dispatch_stage import Stage
from tests.services.gitops import Shop

GITOPS = "/projects/shop/gitops"


def caller(of: Stage | Shop) -> Api:
    return client(
        Projects(Desk(of.store, of.clock, new_id, bytes(32), "https://x.example", allow_local=True)).operations()
    )


@pytest.fixture
def api(stage: Stage) -> Api:
    return caller(stage)


def again(api: Api, **changes: Any) -> None:
    assert api("PUT", GITOPS, {**body(api("GET", GITOPS)), **changes}).status == 200


def test_a_change_that_is_queued_makes_no_order(api: Api, stage: Stage) -> None:
    stage.change()
    assert api("DELETE", GITOPS).status == 204
    stage.pump(60)
    assert ([], []) == (stage.orders(), stage.runs())


def test_an_order_that_waits_is_refused_when_its_turn_comes(api: Api, stage: Stage) -> None:
    stage.cluster("c1", None)
    stage.change()
    stage.pump()
    api("DELETE", GITOPS)
    assert stage.poll() == []
    assert [("refused", "mode")] == [(order.state, order.rule) for order in stage.orders()]
    assert [("c1", "skipped")] == stage.states()


def test_what_runs_goes_on_and_its_result_is_taken(api: Api, stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.report(stage.runs()[0].id, "running")
    api("DELETE", GITOPS)
    assert stage.report(stage.runs()[0].id, "completed").status == 200
    assert [("c1", "completed")] == stage.states()


def test_nothing_is_synced_until_it_is_on_again(shop: Shop) -> None:
    api = caller(shop)
    assert api("DELETE", GITOPS).status == 204
    shop.write(cart=TEXT)
    shop.push()
    shop.work()
    assert {} == shop.experiments()
    state = body(api("GET", "/projects/shop/sync"))
    assert ("degraded", True) == (state["state"], "GitOps is off" in state["problem"])
    assert api("POST", "/projects/shop/sync").status == 409
    again(api, enabled=True)
    shop.work()
    assert ["cart"] == list(shop.experiments())
    assert "synced" == body(api("GET", "/projects/shop/sync"))["state"]


def test_an_edit_that_waits_is_kept_and_goes_out_once_it_is_on_again(shop: Shop) -> None:
    experiments, api = opened(shop), caller(shop)
    shop.server.stop()
    assert put(experiments, TEXT + "# later\n").status == 202
    shop.server.start()
    api("DELETE", GITOPS)
    shop.clock.advance(600)
    shop.work()
    assert "pending" == body(experiments("GET", CART))["state"]
    assert TEXT == shop.shown("cart")
    again(api, enabled=True)
    shop.reconciler.tick(TICK)
    shop.work()
    assert TEXT + "# later\n" == shop.shown("cart")


def test_another_repository_is_followed_from_its_beginning(shop: Shop) -> None:
    opened(shop)
    api = caller(shop)
    other = shop.server.create("other.git")
    again(api, repo_url=other)
    assert "syncing" == body(api("GET", "/projects/shop/sync"))["state"]
    assert body(api("GET", "/projects/shop/sync"))["commit"] is None
    clone = shop.server.clone("other.git")
    clone.write("litmus/shop/pay.yaml", TEXT.replace("cart", "pay"))
    clone.push()
    shop.sync()
    assert {"pay": "synced", "cart": "pending"} == {name: one.state for name, one in shop.experiments().items()}
