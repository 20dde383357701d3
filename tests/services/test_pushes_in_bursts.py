"""Many deliveries at once: none is refused, few syncs follow, and the last push wins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.clients.ids import new_id
from shared.edge.metrics import Metrics
from shared.model.calls import Call
from shared.services.pushes import Pushes
from tests import hosts
from tests.services.gitops import Shop, engine

BURST = 200
GIVEN = hosts.fixture("github/push__branch")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    shop.configure(webhook_secrets=("file:hook",))
    yield shop
    shop.close()


class Sender:
    """Delivers pushes to the project, each with an id of its own."""

    def __init__(self, shop: Shop) -> None:
        self._pushes = Pushes(shop.store, lambda _: hosts.SECRET, shop.clock, new_id, Metrics().count)

    def deliver(self, number: int) -> int:
        """Deliver, and return the answer's status."""
        headers = {name.lower(): value for name, value in GIVEN.headers(f"d-{number}").items()}
        return self._pushes.receive(Call("POST", "/git/shop", {"project": "shop"}, {}, headers, GIVEN.body)).status


def syncs(shop: Shop) -> int:
    return len(shop.ledger("sync"))


def test_two_hundred_deliveries_at_once_end_in_one_sync(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    head = shop.person.push()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(Sender(shop).deliver, range(BURST)))
    assert [202] * BURST == answers
    shop.work()
    state = shop.state()
    assert (BURST, BURST, head, 1) == (state.dirty, state.clean, state.commit, syncs(shop))
    assert [] == shop.errors


def test_the_last_push_of_a_burst_wins_over_the_syncs_that_run_meanwhile(shop: Shop) -> None:
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            shop.work()
            shop.clock.advance(1.0)

    worker = threading.Thread(target=work)
    worker.start()
    with ThreadPoolExecutor(16) as pool:
        answers: list[int] = []
        for push in range(4):
            shop.write(cart=engine(f"cart-{push}"))
            head = shop.person.push()
            answers += pool.map(Sender(shop).deliver, range(push * 50, push * 50 + 50))
    over.set()
    worker.join(60)
    shop.clock.advance(60.0)
    shop.work()
    assert [202] * BURST == answers
    assert (head, "cart-3") == (shop.state().commit, shop.experiments()["cart"].name)
    assert len(shop.server.exchanges) < BURST
