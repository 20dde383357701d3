from __future__ import annotations

import math
from typing import Any

import pytest

from shared.errors import Invalid
from shared.model.monitoring import Heard, Reading, Sample
from shared.model.projects import StopCondition
from shared.rules.facts import Facts
from shared.rules.safety import refuse
from shared.rules.stop_conditions import applies, check_conditions, judged
from tests.rules.test_safety_at_dispatch import FACTS

PLACE = "https://prometheus.example.org"
SHARE = StopCondition("errors", PLACE, promql="errors / requests", when="> 0.05")
RESULT = StopCondition("down", PLACE, promql="up == 0")
ALERT = StopCondition("page", PLACE, alert="HighErrorRate")
WEB = {"job": "web", "alertname": "HighErrorRate"}


def reading(condition: StopCondition, *values: float, problem: str = "", **labels: str) -> Reading:
    return Reading(condition, Heard(tuple(Sample(value, labels) for value in values), problem))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([], None, id="none is set"),
        pytest.param([reading(SHARE, 0.01)], None, id="below"),
        pytest.param([reading(SHARE, 0.05)], None, id="at the bound"),
        pytest.param([reading(RESULT)], None, id="no result"),
        pytest.param([reading(ALERT)], None, id="no alert"),
        pytest.param(
            [reading(SHARE, 0.25, job="web")],
            ("errors is breached: it is 0.25 (job=web), and > 0.05 stops chaos", False),
            id="above",
        ),
        pytest.param(
            [reading(SHARE, 0.01, math.nan, 0.5)],
            ("errors is breached: it is 0.5, and > 0.05 stops chaos", False),
            id="one series of many is enough",
        ),
        pytest.param(
            [reading(RESULT, 0, job="web")],
            ("down is breached: its query has a result, 0 (job=web)", False),
            id="any result",
        ),
        pytest.param(
            [reading(ALERT, 1, **WEB)],
            ("page is breached: alert HighErrorRate fires (job=web)", False),
            id="an alert",
        ),
        pytest.param(
            [reading(SHARE, problem="the monitor does not answer: ReadTimeoutError")],
            ("errors cannot be judged: the monitor does not answer: ReadTimeoutError", True),
            id="away",
        ),
        pytest.param(
            [reading(SHARE, 0.5, problem="Prometheus warns: a store is away")],
            ("errors is breached: it is 0.5, and > 0.05 stops chaos", False),
            id="a breach in part of the data is one",
        ),
        pytest.param(
            [reading(SHARE, 0.01, problem="Prometheus warns: a store is away")],
            ("errors cannot be judged: Prometheus warns: a store is away", True),
            id="part of the data is not enough to go",
        ),
        pytest.param(
            [reading(SHARE)],
            (
                "errors cannot be judged: its query has no result; `or vector(0)` behind it would say that none is 0",
                True,
            ),
            id="nothing to compare",
        ),
        pytest.param(
            [reading(SHARE, math.nan, job="web")],
            ("errors cannot be judged: its value (job=web) is not a number", True),
            id="not a number",
        ),
        pytest.param(
            [reading(SHARE, problem="it is away"), reading(ALERT, 1)],
            ("page is breached: alert HighErrorRate fires", False),
            id="a breach counts before what is not known",
        ),
    ],
)
def test_a_breach_refuses_and_what_is_not_known_waits(
    readings: list[Reading], expected: tuple[str, bool] | None
) -> None:
    found = judged(readings)
    assert expected == (found and (found.reason, found.wait))
    assert {"stop conditions"} == ({found.rule} if found else {"stop conditions"})


@pytest.mark.parametrize(
    ("when", "breaching", "fine"),
    [
        ("> 5", 6, 5),
        (">=5", 5, 4.9),
        ("<0.5", 0.4, 0.5),
        ("<= 1e3", 1000, 1001),
        ("== -1", -1, 1),
        ("!= 0", 0.1, 0),
        ("> 0", math.inf, -math.inf),
    ],
)
def test_values_are_compared_as_prometheus_compares_them(when: str, breaching: float, fine: float) -> None:
    condition = StopCondition("c", PLACE, promql="x", when=when)
    breach = judged([reading(condition, breaching)])
    assert breach
    assert not breach.wait
    assert judged([reading(condition, fine)]) is None


def test_the_one_evaluator_knows_them() -> None:
    facts = Facts(
        **{name: getattr(FACTS, name) for name in FACTS.__struct_fields__} | {"readings": (reading(ALERT, 1),)}
    )
    found = refuse("dispatch", facts)
    assert found
    assert ("stop conditions", False) == (found.rule, found.wait)
    assert refuse("decision", facts) is None


@pytest.mark.parametrize(
    ("clusters", "expected"), [((), True), (("c1",), True), (("prod-*", "c?"), True), (("prod-*",), False)]
)
def test_a_condition_is_about_the_clusters_that_it_names(clusters: tuple[str, ...], expected: bool) -> None:
    assert expected == applies(StopCondition("c", PLACE, promql="x", clusters=clusters), "c1")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({}, "name a query as `promql` or an alert as `alert`", id="neither"),
        pytest.param({"promql": "x", "alert": "A"}, "one of the two", id="both"),
        pytest.param({"alert": "A", "when": "> 1"}, "leave `when` out", id="a compared alert"),
        pytest.param({"promql": "x", "when": "much"}, "'much' compares nothing", id="no comparison"),
        pytest.param({"promql": "x", "when": "> 1e"}, "'> 1e' compares nothing", id="no number"),
        pytest.param({"promql": "x", "when": "> nan"}, "compares nothing", id="not a number"),
        pytest.param({"promql": "x", "url": "http://10.0.0.1:9090"}, "must be https", id="private"),
        pytest.param({"promql": "x", "url": "https://a:b@example.org"}, "`credential`", id="a login inside"),
        pytest.param({"promql": "x", "url": "ftp://example.org"}, "no address that can be used", id="no http"),
    ],
)
def test_what_could_never_be_asked_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_conditions([StopCondition(**{"name": "errors", "url": PLACE} | fields)], allow_local=False)


def test_names_tell_conditions_apart_and_local_monitors_are_allowed_where_local_is() -> None:
    local = StopCondition("errors", "http://prometheus.monitoring.svc:9090", promql="x")
    check_conditions([local, ALERT], allow_local=True)
    with pytest.raises(Invalid, match="another one has this name"):
        check_conditions([local, local], allow_local=True)
