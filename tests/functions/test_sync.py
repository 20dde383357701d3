"""The functions `sync` and `reconcile` as the queue calls them: real apps, real git, messages signed and not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.ids import new_id
from shared.clients.sqlite import SqliteStore, open_database
from shared.model.experiments import SyncState
from shared.model.messages import Message
from shared.model.projects import GitOps, Project
from shared.rules.keys import internal_key
from shared.services.dirt import dirty
from shared.services.tables import EXPERIMENTS, PROJECTS, SYNCS
from shared.wire import cloudevents, standard_webhooks
from tests.gitserver import Clone, GitServer
from tests.servers import ask, load, waitress_server
from tests.services.gitops import engine

FUNCTIONS = Path(__file__).parents[2] / "functions"


@dataclass
class House:
    """A data folder with one project, and the ports of both functions."""

    store: SqliteStore
    key: bytes
    ports: dict[str, int]
    server: GitServer
    person: Clone

    def tell(self, function: str, action: str, **records: str) -> int:
        """Send a message as the queue does, and return the answer's status."""
        message = Message(new_id(), function, action, records)
        body = cloudevents.encode(message)
        headers = standard_webhooks.sign(self.key, message.id, int(time.time()), body)
        return self.post(function, body, **{name.replace("-", "_"): value for name, value in headers.items()})

    def post(self, function: str, body: bytes, **headers: str) -> int:
        """Post anything."""
        media = {"content_type": cloudevents.MEDIA_TYPE}
        return ask(self.ports[function], "POST", f"/internal/{function}", body, **media, **headers).status

    def state(self) -> SyncState:
        """Return how far the sync is."""
        return SYNCS.load_or(self.store, SyncState(), "shop").value


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("data")
    furnish(folder)
    (folder / "served").mkdir()
    with applied({"DATA_DIR": str(folder), "ALLOW_LOCAL": "true"}):
        apps = [load(FUNCTIONS / name / "main.py", name) for name in ("sync", "reconcile")]
    database = open_database(folder / "litmus-gitops.db")
    store = SqliteStore(database)
    key = internal_key(bytes.fromhex((folder / "keys" / "master").read_text().strip()))
    with (
        GitServer(folder / "served") as server,
        waitress_server(apps[0]) as sync,
        waitress_server(apps[1]) as reconcile,
    ):
        project = Project("shop", "Shop", "", GitOps(server.create(), "litmus/shop"))
        store.commit([PROJECTS.put(project, "shop")])
        yield House(store, key, {"sync": sync, "reconcile": reconcile}, server, server.clone())
    database.close()


def test_a_message_has_the_project_synced(house: House) -> None:
    house.person.write("litmus/shop/cart.yaml", engine("cart", "L"))
    commit = house.person.push()
    house.store.commit(*dirty(house.store, new_id, "shop"))
    assert 204 == house.tell("sync", "project", project="shop")
    assert commit == house.state().commit
    assert EXPERIMENTS.load(house.store, "shop", "L")


def test_a_tick_finds_a_push_that_nobody_told_of(house: House) -> None:
    house.person.write("litmus/shop/more.yaml", engine("more", "M"))
    house.person.push()
    before = house.state()
    assert 204 == house.tell("reconcile", "tick")
    assert 204 == house.tell("reconcile", "project", project="shop")
    assert before.dirty + 1 == house.state().dirty


def test_a_git_host_that_is_away_is_to_be_tried_again(house: House) -> None:
    house.store.commit(*dirty(house.store, new_id, "shop"))
    house.server.stop()
    assert 503 == house.tell("sync", "project", project="shop")
    assert 204 == house.tell("reconcile", "project", project="shop")
    house.server.start()
    assert 204 == house.tell("sync", "project", project="shop")
    assert house.state().problem is None


@pytest.mark.parametrize(
    ("function", "action", "records"),
    [
        pytest.param("sync", "project", {"project": "unknown"}, id="sync of nothing"),
        pytest.param("sync", "edit", {"project": "shop", "edit": "unknown"}, id="edit of nothing"),
        pytest.param("sync", "note", {"project": "shop", "run": "unknown"}, id="note on nothing"),
        pytest.param("reconcile", "project", {"project": "unknown"}, id="look at nothing"),
    ],
)
def test_a_message_about_an_unknown_record_does_nothing(
    house: House, function: str, action: str, records: dict[str, str]
) -> None:
    assert 204 == house.tell(function, action, **records)


@pytest.mark.parametrize("function", ["sync", "reconcile"])
def test_nobody_else_is_listened_to(house: House, function: str) -> None:
    body = cloudevents.encode(Message("m", function, "tick", {}))
    assert [401, 503] == [house.post(function, body), house.tell(function, "nothing")]
