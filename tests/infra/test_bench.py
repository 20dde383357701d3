"""The benchmark measures what it says: figures with references, from answers that were checked."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from infra import bundling
from infra.bench import admission, bundles, deliveries, fanout, syncing
from infra.bench.__main__ import main
from infra.bench.figures import Figure, Report, encoded, median, percentile, show
from infra.bench.house import House
from infra.bench.load import WrongAnswer, load, request
from shared.clients.sqlite import open_database
from tests.edge.conftest import PROBE
from tests.servers import load as load_function
from tests.servers import waitress_server

FIGURE = Figure("git_push", "deliveries", 300.0, "/s", "empty function", 1200.0)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.furnish()
    return house


def test_a_figure_stands_beside_its_reference() -> None:
    console = Console(file=io.StringIO(), width=110)
    show(Report((FIGURE,)), console)
    text = str(console.file.getvalue()) if isinstance(console.file, io.StringIO) else ""
    assert all(part in text for part in ("git_push", "300 /s", "empty function", "1,200 /s", "0.25"))


def test_the_report_is_json_with_ratios() -> None:
    report = json.loads(encoded(Report((FIGURE, FIGURE))))
    assert [0.25, 0.25] == [figure["ratio"] for figure in report["figures"]]
    assert {"figures", "python", "machine"} == set(report)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (50.5, 51.0, 100.0, 7.0) == (
        median(values),
        percentile(values, 0.5),
        percentile(values, 0.99),
        percentile([7.0], 0.99),
    )


def test_an_answer_that_was_not_expected_ends_the_measurement() -> None:
    with waitress_server(load_function(PROBE, "probe")) as port, pytest.raises(WrongAnswer, match="404"):
        load(port, lambda _: request("/nowhere", {}, b""), 200, 0.1)


def test_answers_are_counted_over_the_measured_seconds() -> None:
    with waitress_server(load_function(PROBE, "probe")) as port:
        found = load(port, lambda _: request("/echo/a", {"Content-Type": "application/json"}, b"{}"), 200, 0.3)
    assert found.rate == pytest.approx(found.count / 0.3)
    assert 0 < found.p50 <= found.p99


def test_every_bundle_is_counted_beside_all_that_is_deployed_with_it(house: House) -> None:
    figures = list(bundles.measure(house))
    told = {f"{name}: {what}" for name in bundling.names() for what in ("size", "files")}
    assert told == {figure.name for figure in figures}
    assert all(0 < figure.value < figure.reference for figure in figures)


def test_deliveries_are_measured_that_were_kept(house: House) -> None:
    figures = list(deliveries.measure(house, 0.3))
    assert ["/s", "ms", "ms"] * 2 == [figure.unit for figure in figures]
    assert all(figure.value > 0 and figure.reference > 0 for figure in figures)
    open_database(house.data / "litmus-gitops.db").close()


def test_reviews_are_measured_that_triggered(house: House) -> None:
    figures = list(admission.measure(house, 0.3))
    assert 14 == len(figures)
    assert all(figure.value > 0 and figure.reference > 0 for figure in figures)
    open_database(house.data / "litmus-gitops.db").close()


def test_syncs_are_measured_that_show_what_was_pushed(house: House) -> None:
    figures = list(syncing.measure_size(house, 20))
    assert {"sync, 20 experiments"} == {figure.group for figure in figures}
    open_database(house.data / "litmus-gitops.db").close()


def test_a_group_that_is_none_is_refused_with_those_that_are() -> None:
    result = CliRunner().invoke(main, ["speed"])
    assert (2, True) == (result.exit_code, "admission" in result.output)


def test_one_trigger_reaches_the_subscribers_that_are_measured(house: House) -> None:
    figures = list(fanout.measure(house, size=4, rounds=1))
    loops = {"http.client, one by one", "httpx, one by one", "urllib3, 32 threads"}
    assert loops | {"before", "after 1 trigger"} == {figure.beside for figure in figures}
    assert all(figure.value > 0 and figure.reference > 0 for figure in figures)
