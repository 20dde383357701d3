from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.model.calls import Answer
from shared.model.monitoring import Heard, Sample
from shared.model.projects import StopCondition
from shared.wire.prometheus import heard, question

PLACE = "https://monitor.example.org/sub/"
QUERY = StopCondition("errors", PLACE, promql='sum(rate(e{job="web"}[5m])) or vector(0)')
ALERT = StopCondition("page", PLACE, alert='High "Error" \\ Rate')


def said(status: int, body: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def success(kind: str, result: Any, **more: Any) -> Answer:
    return said(200, {"status": "success", "data": {"resultType": kind, "result": result}, **more})


def test_a_query_is_asked_for_as_it_is_written() -> None:
    parts = urlsplit(question(QUERY))
    assert ("/sub/api/v1/query", {"query": [QUERY.promql], "timeout": ["2s"]}) == (parts.path, parse_qs(parts.query))


def test_an_alert_is_asked_for_by_its_name() -> None:
    parts = urlsplit(question(ALERT))
    expected = ["alertname=" + json.dumps(ALERT.alert)]
    assert ("/sub/api/v2/alerts", {"filter": expected}) == (parts.path, parse_qs(parts.query))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(success("vector", []), Heard(), id="empty"),
        pytest.param(
            success("vector", [{"metric": {"job": "web"}, "value": [1435781451.781, "0.25"]}]),
            Heard((Sample(0.25, {"job": "web"}),)),
            id="vector",
        ),
        pytest.param(
            success("vector", [{"metric": {}, "value": [1, "+Inf"]}, {"metric": {}, "value": [1, "-Inf"]}]),
            Heard((Sample(math.inf), Sample(-math.inf))),
            id="infinite",
        ),
        pytest.param(success("scalar", [1435781451.781, "1"]), Heard((Sample(1.0),)), id="scalar"),
        pytest.param(
            success("scalar", [1, "1"], infos=["PromQL info: metric might not be a counter"]),
            Heard((Sample(1.0),)),
            id="infos are no warnings",
        ),
        pytest.param(
            success("vector", [], warnings=["store a is away", "store b is away"]),
            Heard(problem="Prometheus warns: store a is away; store b is away"),
            id="warnings",
        ),
        pytest.param(
            success("matrix", []), Heard(problem="its query yields a matrix, not one value a series"), id="matrix"
        ),
        pytest.param(
            success("vector", [{"metric": {}, "histogram": [1, {"count": "3"}]}]),
            Heard(problem="its query yields histograms"),
            id="histogram",
        ),
        pytest.param(
            said(400, {"status": "error", "errorType": "bad_data", "error": "1:4: parse error:\nunclosed"}),
            Heard(problem="Prometheus answered 400, bad_data: 1:4: parse error: unclosed"),
            id="refused",
        ),
        pytest.param(
            said(200, {"status": "success"}), Heard(problem="Prometheus answered 200, : "[:-1]), id="success of nothing"
        ),
    ],
)
def test_answers_to_queries_are_read(answer: Answer, expected: Heard) -> None:
    assert expected == heard(QUERY, answer)


def test_a_value_that_is_not_a_number_is_kept_as_such() -> None:
    [sample] = heard(QUERY, success("vector", [{"metric": {}, "value": [1, "NaN"]}])).samples
    assert math.isnan(sample.value)


@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>", b"", b"\xff", b"[1]", b'{"status":1}', b"[" * 100_000],
    ids=lambda body: str(body[:9]),
)
@pytest.mark.parametrize("condition", [QUERY, ALERT], ids=["query", "alert"])
def test_what_is_none_of_their_answers_says_nothing(condition: StopCondition, body: bytes) -> None:
    found = heard(condition, said(200, body))
    assert ((), True) == (found.samples, found.problem.endswith("answered 200 with what is none of its answers"))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(success("vector", [{"metric": {}, "value": [1, "much"]}]), id="no number"),
        pytest.param(success("vector", [{"metric": {}, "value": ["1"]}]), id="no point"),
        pytest.param(success("scalar", []), id="no scalar"),
        pytest.param(Answer(200, "text"), id="no bytes"),
    ],
)
def test_half_an_answer_is_none(answer: Answer) -> None:
    assert "what is none of its answers" in heard(QUERY, answer).problem


def test_alerts_that_fire_are_read_and_others_are_not_ours() -> None:
    alerts = [{"labels": {"alertname": ALERT.alert, "job": "web"}}, {"labels": {"alertname": "Other"}}]
    assert Heard((Sample(1.0, {"alertname": ALERT.alert or "", "job": "web"}),)) == heard(ALERT, said(200, alerts))


def test_an_alertmanager_that_refuses_says_nothing() -> None:
    assert Heard(problem="Alertmanager answered 401") == heard(ALERT, said(401, "no"))
