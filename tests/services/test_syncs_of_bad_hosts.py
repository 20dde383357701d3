"""Syncs of hosts that limit, break off, move or forbid: visible, nothing removed, and right again when they are."""

from __future__ import annotations

import pytest

from shared.clients.git import Patience, Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.services.edits import Edits
from shared.services.repositories import Repositories
from shared.services.syncs import Syncs
from tests.services.gitops import Shop, engine

BAD = [
    pytest.param({"refusal": (500, {})}, "HTTP status 500", id="500"),
    pytest.param({"refusal": (502, {})}, "HTTP status 502", id="502"),
    pytest.param({"refusal": (403, {})}, "refuses this to our login", id="permission lost"),
    pytest.param({"refusal": (404, {})}, "is no repository, or `credential` may not see it", id="vanished"),
    pytest.param({"refusal": (429, {"Retry-After": "1"})}, "asks us to wait", id="rate limit"),
    pytest.param({"refusal": (500, {}), "refused": "/git-upload-pack"}, "HTTP status 500", id="500 after the first"),
    pytest.param({"cut": 40, "cut_at": "/git-upload-pack"}, "does not answer", id="broken off"),
    pytest.param({"cut": 0, "cut_at": "/info/refs"}, "does not answer", id="nothing"),
    pytest.param({"silence": 1.0}, "does not answer", id="slow"),
]


def renew(shop: Shop) -> None:
    """Begin as another process would, which remembers nothing of the host and waits for little."""
    remotes = Remotes(patience=Patience(0.3, 0.3))
    shop.repositories = Repositories(remotes, Hosts(), shop.secret, allow_local=True)
    shop.syncs = Syncs(shop.store, shop.repositories, shop.leases, shop.clock, new_id)
    shop.edits = Edits(shop.store, shop.repositories, shop.clock, new_id)


@pytest.mark.parametrize(("bad", "problem"), BAD)
def test_a_host_in_trouble_is_shown_and_nothing_is_removed_until_it_is_well(
    shop: Shop, bad: dict[str, object], problem: str
) -> None:
    shop.write(cart=engine("cart"), till=engine("till"))
    before = shop.push()
    shop.work()
    shop.write(cart=engine("basket"))
    shop.remove("till")
    renew(shop)
    for name, value in bad.items():
        setattr(shop.server, name, value)
    after = shop.push()
    shop.work()
    assert problem in (shop.state().problem or "")
    assert (before, {"cart", "till"}) == (shop.state().commit, set(shop.experiments()))
    assert ["cart", "till"] == sorted(one.name for one in shop.experiments().values())
    shop.server.refusal, shop.server.cut, shop.server.silence = None, None, 0.0
    renew(shop)
    shop.clock.advance(1000)
    shop.sync()
    assert (after, None, ["basket"]) == (
        shop.state().commit,
        shop.state().problem,
        [one.name for one in shop.experiments().values()],
    )


def test_a_sync_that_is_to_wait_uses_up_no_attempt_and_asks_the_host_once(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.server.refusal = (429, {"Retry-After": "600"})
    shop.push()
    for _ in range(30):
        shop.tell()
        shop.work()
        shop.clock.advance(60)
    assert (1, []) == (shop.server.refusals, shop.queue.dead())
    assert ["degraded"] == [row.verdict for row in shop.ledger("sync")]
    shop.server.refusal = None
    renew(shop)
    shop.work()
    assert ({"cart"}, None) == (set(shop.experiments()), shop.state().problem)


def test_a_renamed_repository_is_followed_and_the_new_name_is_told(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    assert shop.state().moved is None
    (shop.server.root / "chaos.git").rename(shop.server.root / "resilience.git")
    shop.server.moved = {"chaos.git": "resilience.git"}
    new = shop.url.replace("chaos.git", "resilience.git")
    renew(shop)
    shop.sync()
    assert (None, new) == (shop.state().problem, shop.state().moved)
    assert shop.ledger("sync")[-1].reason.endswith(f"; the repository is at {new} by now: set that as repo_url")
    shop.configure(repo_url=new)
    shop.sync()
    assert (None, {"cart"}) == (shop.state().moved, set(shop.experiments()))
    assert "by now" not in shop.ledger("sync")[-1].reason
