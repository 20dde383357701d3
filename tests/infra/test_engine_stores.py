from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.clients.opening import open_store, open_wakeful, utc_now
from shared.errors import Misconfigured, Unavailable
from shared.model.messages import Message
from shared.ports.state import Store, Wakeful
from shared.services.leases import Leases
from tests import postgresql
from tests.infra.small_functions import ask, write_named
from tests.infra.stores import in_file, on_server


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    write_named(tmp_path / "functions", ["portal"])
    return LocalSettings(data_dir=tmp_path / "data", port=0, functions=tmp_path / "functions", threads=8, couriers=4)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    made = on_server(tmp_path)
    yield made
    open_wakeful(made).close()


def held(store: Store, queue: Wakeful) -> None:
    """Leave a message and a lease, as somebody has them who is at work."""
    store.commit([], [Message("m", "nobody", "do", {})])
    assert 1 == len(queue.receive(1, 3600))
    assert Leases(store, utc_now).take("sync/shop", "another", 3600)


@postgresql.needs_server()
def test_an_engine_on_a_server_works_beside_others_and_leaves_them_their_leases(
    settings: LocalSettings, url: str
) -> None:
    store, queue = open_store(url), open_wakeful(url)
    held(store, queue)
    with Engine(replace(settings, store_url=url)) as engine:
        assert (200, {"status": "ready"}) == ask(engine, "GET", "/readyz")
        store, queue = open_store(url), open_wakeful(url)
        assert 1 == queue.depth().leased
        assert Leases(store, utc_now).take("sync/shop", "us", 60) is None
    assert not (settings.data_dir / "litmus-gitops.db").exists()


def test_an_engine_on_a_file_of_its_own_voids_the_leases_of_whoever_was_killed_there(settings: LocalSettings) -> None:
    url = in_file(settings.data_dir.parent)
    settings.data_dir.mkdir()
    queue = open_wakeful(url)
    held(open_store(url), queue)
    queue.close()
    with Engine(replace(settings, store_url=url)):
        assert Leases(open_store(url), utc_now).take("sync/shop", "us", 60)


def test_a_file_elsewhere_may_be_anothers_whose_leases_stay(settings: LocalSettings, tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'another.db'}"
    queue = open_wakeful(url)
    held(open_store(url), queue)
    queue.close()
    with Engine(replace(settings, store_url=url)):
        assert 1 == open_wakeful(url).depth().leased


def test_an_engine_does_not_start_without_its_database(settings: LocalSettings) -> None:
    url = "postgresql://ada:secret@127.0.0.1:1/chaos"
    with pytest.raises(Unavailable, match=r"the database chaos at 127\.0\.0\.1 does not answer") as caught:
        Engine(replace(settings, store_url=url)).start()
    open_wakeful(url).close()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["dynamodb:chaos", "mysql://db/chaos"])
def test_an_engine_whose_store_wakes_nobody_is_refused(settings: LocalSettings, url: str) -> None:
    with pytest.raises(Misconfigured, match="STORE_URL names"):
        Engine(replace(settings, store_url=url)).start()
