"""`dispatch` as the queue and a subscriber that polls meet it."""

from __future__ import annotations

import msgspec
import pytest

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, utc_now
from shared.clients.prometheus import HttpMonitors
from shared.model.experiments import Experiment, Manifest
from shared.model.messages import Message
from shared.model.projects import ChaosCenter, Cluster
from shared.services.conditions import Conditions
from shared.services.dispatching import Dispatching
from shared.services.repositories import Repositories
from shared.services.tables import BLOBS, CLUSTERS, EXPERIMENTS, MEMBERS
from tests.chaoscenter import TOKEN, ChaosCenterStand
from tests.functions.dispatch_and_reports import Pair
from tests.servers import ask

CART = Manifest("Workflow", "cart")


def test_a_change_becomes_an_order_that_its_cluster_can_ask_for(pair: Pair) -> None:
    assert 204 == pair.deliver(pair.change())
    assert [204] == pair.work()
    answer = pair.subscriber("GET", "/orders/c1")
    [order] = answer.json()["items"]
    assert ("shop", "kill", "run", "kind: Workflow\n") == (
        order["project"],
        order["experiment"],
        order["action"],
        order["manifest"],
    )
    assert "v1," in answer.headers["webhook-signature"]


def test_a_message_about_nothing_does_nothing(pair: Pair) -> None:
    before = pair.runs()
    for action, ids in (
        ("change", {"project": "nowhere", "change": "x"}),
        ("order", {"cluster": "nowhere", "order": "x"}),
        ("next", {"cluster": "nowhere"}),
        ("proved", {"cluster": "nowhere", "order": "x"}),
    ):
        assert 204 == pair.deliver(Message("m", "dispatch", action, ids))
    assert before == pair.runs()


def test_only_our_own_queue_is_obeyed(pair: Pair) -> None:
    before = pair.runs()
    assert 401 == pair.deliver(pair.change(), b"x" * 32)
    assert 503 == pair.deliver(Message("m", "dispatch", "explode", {}))
    assert before == pair.runs()


def test_a_poll_is_refused_where_its_signature_or_its_wait_is_wrong(pair: Pair) -> None:
    assert 401 == pair.subscriber("GET", "/orders/c1", webhook_signature="v1,wrong").status
    assert 400 == pair.subscriber("GET", "/orders/c1?wait=soon").status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/orders/c1", 401, id="unsigned"),
        pytest.param("GET", "/orders/c9", 401, id="unknown cluster"),
        pytest.param("POST", "/orders/c1", 405, id="wrong method"),
        pytest.param("GET", "/orders", 404, id="no cluster"),
        pytest.param("POST", "/internal/dispatch", 401, id="an unsigned message"),
    ],
)
def test_what_is_not_signed_is_answered_without_effect(pair: Pair, method: str, path: str, status: int) -> None:
    answer = ask(pair.ports["dispatch"], method, path, b"{}" if method == "POST" else None)
    assert status == answer.status
    assert msgspec.json.decode(answer.data)["status"] == status


def test_an_order_goes_to_the_chaoscenter_of_its_cluster(pair: Pair) -> None:
    with ChaosCenterStand().open() as center:
        (pair.folder / "secrets").mkdir(exist_ok=True)
        (pair.folder / "secrets" / "center").write_text(TOKEN)
        reached = ChaosCenter(center.url, "cc-shop", "infra-1", "file:center")
        cluster = Cluster("c2", "shop", "c2", "", chaoscenter=reached)
        experiment = Experiment("cart", "c.yaml", "c" * 40, "d" * 40, "synced", "", name="cart", manifest=CART)
        text = BLOBS.put(b"kind: Workflow\nmetadata: {name: cart}\nspec: {templates: []}\n", "shop", "c" * 40)
        known = [CLUSTERS.put(cluster, "c2"), MEMBERS.put(cluster, "shop", "c2")]
        pair.store.commit([*known, EXPERIMENTS.put(experiment, "shop", "cart"), text])
        secrets = open_secrets(pair.folder / "secrets")
        repositories = Repositories(Remotes(), Hosts(), secrets, allow_local=True)
        conditions = Conditions(secrets, HttpMonitors(allow_local=True), utc_now, allow_local=True)
        dispatching = Dispatching(pair.store, repositories, utc_now, new_id, conditions)
        dispatching.start("shop", "cart", ["c2"], "person", "ada")
        assert [204, 503] == pair.work()
        assert ["cart"] == [run["experimentID"] for run in center.runs]
