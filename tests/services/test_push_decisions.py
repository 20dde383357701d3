"""What syncs and edits decide to start: once for each pushed text, in one commit with the experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.projects import RUN_ON_PUSH
from shared.model.records import Write
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from shared.services.syncs import LEASE, Syncs
from shared.services.tables import PUSHED
from tests.gitserver import git
from tests.services.api.conftest import body, client
from tests.services.dispatch_parts import Killed, MortalStore
from tests.services.gitops import ADA, BROKEN, FOLDER, Shop, engine


@pytest.fixture
def running(shop: Shop) -> Shop:
    """A shop that runs what is pushed, with one imported experiment."""
    shop.configure(run_on_push="changed")
    push(shop, cart=engine("cart", "cart"))
    assert [] == shop.started
    return shop


def push(shop: Shop, **files: str) -> str:
    shop.write(**files)
    commit = shop.push()
    shop.work()
    return commit


def started(shop: Shop) -> list[tuple[str, str]]:
    """Return experiment and commit of each start, oldest first."""
    return [(one.ids["experiment"], one.ids["commit"]) for one in shop.started]


def refused(shop: Shop) -> list[tuple[str, str]]:
    return [(row.subject, row.detail["rule"]) for row in shop.ledger("order")]


def again(shop: Shop, **changes: Any) -> None:
    """Change the settings as a person does."""
    desk = Desk(shop.store, shop.clock, new_id, bytes(32), "https://x.example", allow_local=True)
    api, path = client(Projects(desk).operations()), "/projects/shop/gitops"
    assert 200 == api("PUT", path, {**body(api("GET", path)), **changes}).status


def test_importing_runs_nothing(shop: Shop) -> None:
    shop.configure(run_on_push="changed")
    push(shop, cart=engine("cart"), other=engine("other"))
    assert ([], 2) == (shop.started, len(shop.experiments()))


def test_new_and_changed_texts_start_and_each_names_blob_and_commit(running: Shop) -> None:
    commit = push(running, cart=engine("cart", "cart", "other"), new=engine("new", "new"))
    assert [("cart", commit), ("new", commit)] == sorted(started(running))
    keys = [f"{one.ids['experiment']}/{one.ids['blob']}/{one.ids['commit']}" for one in running.started]
    pushed = [PUSHED.load(running.store, "shop", key) for key in keys]
    assert [2, 2] == [one.value.among for one in pushed if one]


def test_under_new_a_changed_text_starts_nothing(running: Shop) -> None:
    running.configure(run_on_push="new")
    commit = push(running, cart=engine("cart", "cart", "other"), new=engine("new", "new"))
    assert [("new", commit)] == started(running)


def test_the_manifest_overrides_the_setting(running: Shop) -> None:
    text = engine("cart", "cart").replace("  labels:", f"  annotations: {{{RUN_ON_PUSH}: never}}\n  labels:")
    push(running, cart=text)
    assert [] == started(running)


def test_a_rename_a_removal_and_a_broken_file_start_nothing(running: Shop) -> None:
    (running.person.folder / FOLDER / "cart.yaml").rename(running.person.folder / FOLDER / "basket.yaml")
    push(running, broken=BROKEN)
    running.remove("basket")
    push(running)
    assert [] == started(running)


def test_going_back_starts_nothing_and_the_ledger_says_so(running: Shop) -> None:
    first = push(running, cart=engine("cart", "cart", "other"))
    push(running, cart=engine("cart", "cart"))
    assert ([("cart", first)], [("cart", "returned")]) == (started(running), refused(running))


def test_a_forced_push_back_starts_nothing(running: Shop) -> None:
    before = running.head()
    push(running, cart=engine("cart", "cart", "other"), new=engine("new", "new"))
    running.started.clear()
    git("update-ref", "refs/heads/main", before, cwd=running.bare)
    running.sync()
    assert [] == started(running)


def test_what_was_removed_and_comes_back_starts_nothing(running: Shop) -> None:
    running.remove("cart")
    push(running)
    push(running, cart=engine("cart", "cart"))
    assert ([], [("cart", "returned")]) == (started(running), refused(running))


def test_a_branch_that_is_made_anew_starts_nothing(running: Shop) -> None:
    head = running.head()
    git("update-ref", "-d", "refs/heads/main", cwd=running.bare)
    running.sync()
    git("update-ref", "refs/heads/main", head, cwd=running.bare)
    running.sync()
    assert ([], ["cart"]) == (started(running), list(running.experiments()))


@pytest.mark.parametrize("field", ["repo_url", "branch", "path"])
def test_the_first_sync_of_another_place_starts_nothing(running: Shop, field: str) -> None:
    other = running.server.create("other.git")
    clone = running.server.clone("other.git")
    clone.write(f"{FOLDER}/cart.yaml", engine("cart", "cart", "other"))
    clone.push()
    git("push", other, "main:other", cwd=clone.folder)
    running.person.write("else/cart.yaml", engine("cart", "cart", "other"))
    git("push", running.url, "main:other", cwd=running.person.folder)
    push(running)
    again(running, **{field: {"repo_url": other, "branch": "other", "path": "else"}[field]})
    running.work()
    assert [] == started(running)


def test_what_was_pushed_while_gitops_was_off_starts_nothing(running: Shop) -> None:
    again(running, enabled=False)
    push(running, cart=engine("cart", "cart", "other"))
    again(running, enabled=True)
    running.work()
    assert ([], "other") == (started(running), running.experiments()["cart"].manifest.faults[0].namespace)  # type: ignore[union-attr]


def test_an_edit_in_the_portal_starts_as_a_push_does_and_once(running: Shop) -> None:
    saved = running.edits.save("shop", "cart", engine("cart", "cart", "other").encode(), None, ADA)
    running.sync()
    assert [("cart", saved.commit)] == started(running)


def test_an_edit_that_the_sync_sees_first_starts_once(running: Shop) -> None:
    running.server.stop()
    running.edits.save("shop", "cart", engine("cart", "cart", "other").encode(), None, ADA)
    running.server.start()
    push(running, cart=engine("cart", "cart", "other"))
    running.clock.advance(600)
    running.work()
    assert ([], ["cart"]) == (running.open_edits(), [name for name, _ in started(running)])


def test_a_repeated_delivery_starts_nothing_again(running: Shop) -> None:
    push(running, cart=engine("cart", "cart", "other"))
    for _ in range(3):
        running.sync()
    assert 1 == len(started(running))


class Overtaken(MortalStore):
    """The store of a process that stands still before its commit number `turn`, while `others` go on."""

    def __init__(self, shop: Shop, turn: int) -> None:
        super().__init__(shop.store)
        self.turn = turn
        self.others = Syncs(shop.store, shop.repositories, shop.leases, shop.clock, new_id)
        self.shop = shop

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        self.turn -= 1
        if self.turn == -1:
            self.shop.clock.advance(LEASE + 1)
            self.others.sync_project(Message("other", "sync", "project", {"project": "shop"}))
        super().commit(writes, messages)


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_sync_that_is_overtaken_at_any_commit_starts_nothing_twice(running: Shop, turn: int) -> None:
    store = Overtaken(running, turn)
    running.syncs = Syncs(store, running.repositories, running.leases, running.clock, new_id)
    push(running, new=engine("new", "new"))
    running.clock.advance(600)
    running.work()
    assert (["new"], True) == ([name for name, _ in started(running)], store.turn < 0)


@pytest.mark.parametrize("early", [pytest.param(False, id="after"), pytest.param(True, id="just before")])
def test_a_death_at_any_commit_of_a_sync_starts_everything_once(early: bool, shops: Callable[[], Shop]) -> None:
    commits, death = 1, 0
    while death < commits:
        shop = shops()
        shop.configure(run_on_push="changed")
        push(shop, cart=engine("cart", "cart"))
        mortal = MortalStore(shop.store)
        shop.syncs = Syncs(mortal, shop.repositories, shop.leases, shop.clock, new_id)
        mortal.lives, mortal.early = death, early
        shop.write(cart=engine("cart", "cart", "other"), **{f"n{n}": engine(f"n{n}", f"n{n}") for n in range(40)})
        shop.push()
        while True:
            try:
                shop.work()
            except Killed:
                shop.queue.void_leases()
                shop.clock.advance(200)
                continue
            break
        assert 41 == len({name for name, _ in started(shop)}) == len(started(shop)), f"it died at commit {death + 1}"
        commits, death = mortal.commits, death + 1
