"""Ticks of EventBridge Scheduler for the real `reconcile` over SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.aws.entry import load
from infra.local.environment import applied
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.errors import Unavailable
from shared.model.projects import Project
from shared.model.traces import records_of
from shared.services.tables import PROJECTS
from tests.infra.aws.events import SCHEDULED, TICK, Context

FUNCTIONS = Path(__file__).parents[3] / "functions"


@pytest.mark.parametrize("event", [TICK, SCHEDULED], ids=["our-input", "no-input"])
def test_a_tick_has_every_project_looked_after(event: dict[str, Any], lambda_environment: Path) -> None:
    database = open_database(lambda_environment / "litmus-gitops.db")
    SqliteStore(database).commit([PROJECTS.put(Project("shop", "Shop", "2026-10-30T09:00:00.000Z"), "shop")])
    with applied({}):
        assert load("reconcile", FUNCTIONS / "reconcile" / "main.py").handle(event, Context()) is None
    sent = [claimed.message for claimed in SqliteQueue(database).receive(10, 60)]
    assert [("reconcile", "project", {"project": "shop"})] == [
        (one.function, one.action, records_of(one)) for one in sent
    ]


def test_a_tick_that_failed_fails_the_call(lambda_environment: Path) -> None:
    with applied({}):
        reconcile = load("reconcile", FUNCTIONS / "reconcile" / "main.py")
    open_database(lambda_environment / "litmus-gitops.db").close()
    with pytest.raises(Unavailable, match="no look was taken this time: 503: the database"):
        reconcile.handle(TICK, Context())


def test_a_tick_at_another_function_fails_the_call(lambda_environment: Path) -> None:
    assert lambda_environment
    with applied({}), pytest.raises(Unavailable, match="404"):
        load("git_push", FUNCTIONS / "git_push" / "main.py").handle(TICK, Context())
