from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from infra.local.environment import applied
from shared.clients.sqlite import open_database
from tests.functions.dispatch_and_reports import FUNCTIONS, Pair
from tests.functions.dispatch_and_reports import prepare as prepare_pair
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


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("data")
    prepare_pair(folder)
    with applied({"DATA_DIR": str(folder), "ALLOW_LOCAL": "true"}):
        apps = {name: load(FUNCTIONS / name / "main.py", name) for name in ("dispatch", "run_report")}
    serve = SERVERS["waitress"]
    with serve(apps["dispatch"]) as dispatch, serve(apps["run_report"]) as run_report:
        yield Pair(folder, {"dispatch": dispatch, "run_report": run_report})
    open_database(folder / "litmus-gitops.db").close()
