"""A repository that comes from another Litmus: its infra_ids are listed, mapped, and its own files left alone."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.model.projects import Cluster
from shared.services.api.desk import Desk
from shared.services.api.infra_ids import InfraIds
from shared.services.tables import MEMBERS
from tests.gitserver import git
from tests.services.api.conftest import Api, body, client
from tests.services.api.shops import opened
from tests.services.gitops import ADA, FOLDER, Shop, engine

PATH = "/projects/shop/infra-ids"
INFO = "projectID: 0f1e\nwhatever: {Litmus: keeps here\n"


def foreign(name: str, infra_id: str) -> str:
    return engine(name, name).replace("  labels:\n", f"  labels:\n    infra_id: {infra_id}\n")


@pytest.fixture
def moved(shop: Shop) -> Shop:
    """A shop whose repository another Litmus wrote."""
    shop.person.write(f"{FOLDER}/.info", INFO)
    shop.write(a=foreign("a", "7f2e"), b=foreign("b", "7f2e"), c=foreign("c", "9a9a"), ours=foreign("ours", "c1"))
    shop.store.commit([MEMBERS.put(Cluster("c1", "shop", "c1", ""), "shop", "c1")])
    shop.push()
    shop.work()
    return shop


@pytest.fixture
def api(moved: Shop) -> Api:
    desk = Desk(moved.store, moved.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    return client(InfraIds(desk).operations())


def test_infra_ids_that_nobody_knows_are_listed_with_who_names_them(api: Api) -> None:
    rows = [
        {"infra_id": "7f2e", "count": 2, "experiments": ["a", "b"]},
        {"infra_id": "9a9a", "count": 1, "experiments": ["c"]},
    ]
    assert {"items": rows, "next": None} == body(api("GET", PATH))
    first = body(api("GET", f"{PATH}?limit=1"))
    assert rows[1:] == body(api("GET", f"{PATH}?cursor={first['next']}"))["items"]


def test_a_mapping_makes_one_known_but_not_to_a_cluster_that_is_no_cluster_of_the_project(
    api: Api, moved: Shop
) -> None:
    moved.configure(infra_ids={"7f2e": "c1", "9a9a": "elsewhere"})
    assert ["9a9a"] == [row["infra_id"] for row in body(api("GET", PATH))["items"]]


def test_an_unknown_infra_id_is_a_warning_of_its_experiment_until_it_is_mapped(moved: Shop) -> None:
    experiments = opened(moved)
    [warning] = body(experiments("GET", "/projects/shop/experiments/a"))["warnings"]
    assert "infra_id 7f2e is no cluster of the project" in warning["message"]
    moved.configure(infra_ids={"7f2e": "c1"})
    assert [] == body(experiments("GET", "/projects/shop/experiments/a"))["warnings"]


def test_what_litmus_keeps_beside_the_experiments_is_left_alone(moved: Shop) -> None:
    moved.configure(infra_ids={"7f2e": "c1"})
    moved.sync()
    moved.edits.save("shop", "a", (foreign("a", "7f2e") + "# ours\n").encode(), None, ADA)
    moved.edits.delete("shop", "c", None, ADA)
    moved.sync()
    shown = git("show", f"main:{FOLDER}/.info", cwd=moved.bare)
    assert (INFO.strip(), foreign("b", "7f2e")) == (shown, moved.shown("b"))
    assert ["a", "b", "ours"] == sorted(moved.experiments())
