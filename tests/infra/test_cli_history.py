"""The command tells what an experiment's runs came to, of runs that really ended on a real engine."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.model.runs import FaultResult, Report
from shared.services.ledger import stamp
from shared.services.reporting import Reports
from shared.services.tables import CLUSTERS
from tests.infra.commanding import KILL, Served, served

HISTORY = ("experiment", "history", KILL, "-p", "shop")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable("shop", "--enforce")
        made("cluster", "add", "c1", "-p", "shop")
        yield made


def ran(portal: Served, score: float | None) -> str:
    """Have a person run the experiment, with a score or nothing measured, and return the run's id."""
    [run] = portal("experiment", "run", KILL, "-p", "shop", "--json").json
    faults = () if score is None else (FaultResult("pod-delete", "Pass" if score == 100 else "Fail", score),)
    cluster = CLUSTERS.load(portal.store, "c1")
    assert cluster
    told = Report(run["id"], run["id"], "completed", stamp(utc_now), faults=faults)
    Reports(portal.store, utc_now, new_id).take(cluster.value, told)
    return str(run["id"])


def test_the_history_of_an_experiment_is_listed_and_summed_up(portal: Served) -> None:
    assert "nothing yet\n" == portal(*HISTORY).out
    first = ran(portal, None)
    assert re.search(r"\nof the newest 1: 0 measured, verdict within \d+\.\d s for half, ", portal(*HISTORY).out)
    second = ran(portal, 62.5)
    done = portal(*HISTORY)
    title, newest, oldest, line = done.out.splitlines()
    assert ["ended_at", "run", "cluster", "cause", "state", "verdict", "score", "seconds"] == title.split()
    assert [second, "c1", "person", "completed", "Fail", "62.5"] == newest.split()[1:-1]
    assert [first, "NotMeasured", "-"] == [oldest.split()[place] for place in (1, 5, 6)]
    told = "of the newest 2: 1 measured, 0.0 % passed, mean score 62.50, trend unknown, verdict within "
    assert line.startswith(told)


def test_programs_get_the_rows_and_the_summary(portal: Served) -> None:
    run = ran(portal, 100.0)
    found = portal(*HISTORY, "--json", "--limit", "1").json
    assert [(run, 100.0)] == [(one["run"], one["score"]) for one in found["items"]]
    assert found["trend"] == portal.api("GET", f"/projects/shop/experiments/{KILL}/trend")
    assert found["trend"]["runs"] >= 1


def test_an_experiment_that_never_was_is_not_found(portal: Served) -> None:
    assert "no experiment 'none'" in portal("experiment", "history", "none", "-p", "shop", code=1).err
