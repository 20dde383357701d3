from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from infra.local.environment import applied
from shared.clients.sqlite import open_database
from tests.functions.receiving import SOURCE, Receiver, prepare
from tests.servers import SERVERS, load


@pytest.fixture(scope="module", params=sorted(SERVERS))
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("data")
    prepare(folder)
    with applied({"DATA_DIR": str(folder)}):
        app = load(SOURCE, "git_push")
    with SERVERS[cast("str", request.param)](app) as port:
        yield Receiver(folder, port)
    open_database(folder / "litmus-gitops.db").close()
