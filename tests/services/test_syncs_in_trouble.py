"""Syncs while the git host, the lease or the settings give way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.errors import NotYet, Unavailable
from shared.model.experiments import SyncState
from shared.model.hosting import Access
from shared.model.messages import Message
from shared.ports.git import GitRemote
from shared.services.dirt import dirty
from shared.services.repositories import Repositories
from shared.services.syncs import Syncs
from shared.services.tables import SYNCS
from tests.gitserver import git
from tests.services.gitops import ADA, Shop, engine


def test_a_branch_that_vanished_removes_nothing(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    git("update-ref", "-d", "refs/heads/main", cwd=shop.bare)
    shop.sync()
    assert {"cart"} == shop.experiments().keys()
    assert f"there is no branch 'main' in {shop.url}: nothing was removed" == shop.state().problem
    git("push", "-q", "origin", "HEAD:main", cwd=shop.person.folder)
    shop.sync()
    assert shop.state().problem is None


def test_a_host_that_is_away_is_shown_once_and_the_queue_tries_again(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.server.stop()
    for _ in range(3):
        shop.work()
        shop.clock.advance(10)
    assert 3 == len(shop.errors)
    assert (shop.state().problem or "").startswith("the git host 127.0.0.1 does not answer")
    assert ["degraded"] == [row.verdict for row in shop.ledger("sync")]
    shop.server.start()
    shop.work()
    assert ({"cart"}, None) == (set(shop.experiments()), shop.state().problem)


def test_a_refused_login_is_shown_and_not_tried_again_at_once(shop: Shop) -> None:
    shop.server.login = "ada:word"
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    assert "does not accept our login" in (shop.state().problem or "")
    assert [] == shop.errors
    shop.configure(credential="file:token")
    shop.sync()
    assert {"cart"} == shop.experiments().keys()


def test_an_address_that_a_deployment_refuses_is_shown(shop: Shop) -> None:
    shop.configure(repo_url="ftp://git.example.com/chaos.git")
    shop.sync()
    assert "repo_url is no address that can be used" in (shop.state().problem or "")


def test_another_repository_is_followed_from_its_beginning(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.configure(path="litmus/other")
    shop.store.commit([SYNCS.put(SyncState(dirty=shop.state().dirty, clean=shop.state().clean), "shop")])
    shop.sync()
    assert [("pending", "")] == [(one.state, one.commit) for one in shop.experiments().values()]


@pytest.mark.parametrize("project", ["shop", "unknown"])
def test_what_is_not_to_be_synced_is_left_alone(shop: Shop, project: str) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    shop.configure(enabled=False)
    shop.remove("cart")
    shop.push()
    shop.syncs.sync_project(Message("m", "sync", "project", {"project": project}))
    assert {"cart"} == shop.experiments().keys()


def test_one_sync_of_a_project_runs_at_a_time(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    held = shop.leases.take("sync/shop", "another", 60.0)
    shop.work()
    assert (["another sync of 'shop' is at work"], {}) == (shop.errors, shop.experiments())
    assert held
    shop.leases.release(held)
    shop.clock.advance(10)
    shop.work()
    assert {"cart"} == shop.experiments().keys()


class Meddling:
    """Remotes that let something happen right after a method, `head` or `blobs`, each time it is called."""

    def __init__(self, shop: Shop, method: str, acts: Sequence[Callable[[], object]]) -> None:
        self._shop, self._method, self._acts = shop, method, iter(acts)
        self._opened = shop.repositories.remotes

    def __call__(self, access: Access) -> GitRemote:
        remote = self._opened(access)
        called = getattr(remote, self._method)

        def meddle(*arguments: object) -> object:
            found = called(*arguments)
            next(self._acts, lambda: None)()
            return found

        setattr(remote, self._method, meddle)
        return remote


def meddled(shop: Shop, *acts: Callable[[], object], after: str = "head") -> None:
    """Sync while others act, one act after each call of a method."""
    repositories = Repositories(Meddling(shop, after, acts), Hosts(), shop.secret, allow_local=True)
    syncs = Syncs(shop.store, repositories, shop.leases, shop.clock, new_id)
    syncs.sync_project(Message("m", "sync", "project", {"project": "shop"}))


@pytest.mark.parametrize("after", ["head", "blobs"])
def test_a_push_during_a_sync_is_synced_as_well(shop: Shop, after: str) -> None:
    shop.write(cart=engine("cart"))
    shop.push()

    def push_more() -> None:
        shop.write(more=engine("more"))
        shop.push()

    meddled(shop, push_more, after=after)
    assert {"cart", "more"} == shop.experiments().keys()
    assert shop.state().dirty == shop.state().clean


def test_an_edit_during_a_sync_is_never_undone(shop: Shop) -> None:
    shop.write(cart=engine("cart", "L"))
    shop.push()
    shop.work()
    shop.tell()
    shop.person.push()

    def edit() -> None:
        shop.edits.save("shop", "L", engine("edited", "L").encode(), None, ADA)
        shop.edits.save("shop", None, engine("new").encode(), None, ADA)

    shop.write(other=engine("other"))
    shop.person.push()
    meddled(shop, edit)
    assert {"edited", "new", "other"} == {one.name for one in shop.experiments().values()}
    assert ["1 added at", "1 added at"] == [row.reason[:10] for row in shop.ledger("sync")]


def test_an_address_that_changes_during_a_sync_is_followed_from_its_beginning(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()

    def move() -> None:
        shop.configure(path="litmus/other")
        shop.store.commit([SYNCS.put(SyncState(dirty=shop.state().dirty + 1, clean=shop.state().clean), "shop")])

    meddled(shop, move, after="blobs")
    assert [("pending", "")] == [(one.state, one.commit) for one in shop.experiments().values()]
    assert shop.state().tree is None


def test_a_sync_that_lost_its_lease_writes_nothing_more(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()

    def lose() -> None:
        shop.clock.advance(3600)
        shop.leases.take("sync/shop", "another", 60.0)

    with pytest.raises(NotYet):
        meddled(shop, lose)
    assert ({}, None) == (shop.experiments(), shop.state().commit)


def test_a_project_that_is_turned_off_during_a_sync_stays_as_it_is(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()

    def disable() -> None:
        shop.configure(enabled=False)
        shop.tell()

    meddled(shop, disable)
    assert {} == shop.experiments()


def test_a_host_that_falls_away_during_a_sync_leaves_it_dirty(shop: Shop) -> None:
    shop.write(cart=engine("cart"))
    shop.push()
    with pytest.raises(Unavailable):
        meddled(shop, shop.server.stop)
    assert shop.state().dirty > shop.state().clean
    shop.server.start()
    shop.sync()
    assert {"cart"} == shop.experiments().keys()


def test_dirt_is_counted_with_its_message(shop: Shop) -> None:
    writes, messages = dirty(shop.store, new_id, "shop")
    shop.store.commit(writes, messages)
    assert (1, [("sync", "project", {"project": "shop"})]) == (
        shop.state().dirty,
        [(message.function, message.action, message.ids) for message in messages],
    )
