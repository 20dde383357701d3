"""Schedules in a real repository, from the push to the order, and from the portal's edit to the order."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.model.experiments import Experiment, SyncState
from shared.model.projects import Cluster
from shared.services.accepting import Accepting
from shared.services.ledger import message
from shared.services.portal_records import listed
from shared.services.scheduling import Scheduling
from shared.services.tables import CLUSTERS, MEMBERS, ORDERS, SYNCS
from tests.services.chaos_manifests import cron
from tests.services.gitops import ADA, BROKEN, Shop

NIGHTLY = cron("shop", "nightly")


@pytest.fixture(autouse=True)
def _cluster(shop: Shop) -> None:
    one = Cluster("c1", "shop", "One", "")
    shop.store.commit([CLUSTERS.put(one, "c1"), MEMBERS.put(one, "shop", "c1")])
    shop.configure(mode="enforce")


def work(shop: Shop) -> None:
    """Work off everything, the looks at schedules included."""
    shop.work()
    asked, shop.others[:] = [one for one in shop.others if one.action == "schedule"], []
    for one in asked:
        Scheduling(shop.store, shop.clock, new_id).look(one)


def ordered(shop: Shop) -> list[tuple[str, bool]]:
    """Return what the cluster was ordered, oldest first."""
    orders = (row.value for row in listed(shop.store, ORDERS, "c1"))
    return [(one.action, bool(one.parameters["suspend"])) for one in orders]


def nightly(shop: Shop) -> Experiment:
    return shop.experiments()["nightly"]


def followed(shop: Shop) -> None:
    """Have an empty place followed, so that what comes then is pushed."""
    shop.write(other=BROKEN)
    shop.push()
    work(shop)


def pushed(shop: Shop, text: str = NIGHTLY) -> None:
    shop.write(nightly=text)
    shop.push()
    work(shop)


def test_what_the_first_sync_finds_waits_and_a_changed_text_waits_too(shop: Shop) -> None:
    pushed(shop)
    pushed(shop, NIGHTLY.replace("0 3", "0 4"))
    found = nightly(shop).id
    pushed(shop, NIGHTLY.replace("  name: nightly\n", "  name: nightly\n  labels: {workflow_id: n1}\n", 1))
    assert (True, "n1") == (found != "n1", nightly(shop).id)
    assert ([], "waiting") == (ordered(shop), nightly(shop).schedule)
    Accepting(shop.store, shop.clock, new_id).accept("shop", nightly(shop).id, "owner", accept=True)
    work(shop)
    pushed(shop, NIGHTLY.replace("0 3", "0 5"))
    assert [("install", False), ("install", False)] == ordered(shop)


def test_what_is_pushed_later_is_installed_broken_renamed_and_removed_with_its_file(shop: Shop) -> None:
    followed(shop)
    pushed(shop)
    name = nightly(shop).id
    pushed(shop, BROKEN)
    assert [("install", False), ("install", True)] == ordered(shop)
    pushed(shop)
    shop.remove("nightly")
    shop.write(weekly=NIGHTLY)
    shop.push()
    work(shop)
    assert (name, 3) == (shop.experiments()["weekly"].id, len(ordered(shop)))
    shop.remove("weekly")
    shop.push()
    work(shop)
    assert ("remove", False) == ordered(shop)[-1]


def test_an_accepted_schedule_that_is_given_another_id_stays_accepted(shop: Shop) -> None:
    pushed(shop)
    Accepting(shop.store, shop.clock, new_id).accept("shop", nightly(shop).id, "owner", accept=True)
    work(shop)
    pushed(shop, NIGHTLY.replace("  name: nightly\n", "  name: nightly\n  labels: {workflow_id: n1}\n", 1))
    assert ("n1", ["install", "install", "remove"]) == (nightly(shop).id, sorted(one for one, _ in ordered(shop)))


def test_a_schedule_that_is_made_in_the_portal_is_pushed_by_its_author(shop: Shop) -> None:
    followed(shop)
    shop.edits.save("shop", None, NIGHTLY.encode(), None, ADA)
    work(shop)
    assert ([("install", False)], "waiting") == (ordered(shop), nightly(shop).schedule)


def test_another_branch_keeps_what_is_the_same_and_removes_what_it_lacks(shop: Shop) -> None:
    followed(shop)
    pushed(shop)
    shop.write(weekly=cron("shop", "weekly"))
    shop.push()
    work(shop)
    shop.remove("weekly")
    shop.person.branch = "other"
    shop.person.push()
    shop.configure(mode="enforce", branch="other")
    shop.store.commit([SYNCS.put(SyncState(dirty=shop.state().dirty, clean=shop.state().clean), "shop")])
    shop.tell()
    work(shop)
    assert [("install", False), ("install", False), ("remove", False)] == ordered(shop)


def test_reconcile_has_the_schedules_of_a_project_looked_at_where_it_has_any(shop: Shop) -> None:
    def looks() -> int:
        shop.reconciler.look_after(message(new_id, "reconcile", "project", project="shop"))
        shop.work()
        found = [one for one in shop.others if one.ids == {"project": "shop"} and one.action == "schedule"]
        shop.others.clear()
        return len(found)

    followed(shop)
    assert 0 == looks()
    pushed(shop)
    assert 1 == looks()
