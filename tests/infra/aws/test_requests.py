"""Requests of HTTP APIs and Function URLs, answered by the real `git_push` and `portal` over SQLite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.aws.entry import load
from infra.aws.requests import GATEWAY, MOST, Requests
from infra.local.environment import applied
from infra.local.gateway import as_wsgi
from shared.edge.functions import function
from shared.errors import Misconfigured
from shared.model.calls import Answer, Route
from shared.services import polling
from tests.infra.aws.events import Context, function_url, request

FUNCTIONS = Path(__file__).parents[3] / "functions"
JSON = {"Content-Type": "application/json"}


def entry(name: str) -> Any:
    with applied({"ADMIN_TOKEN": "owner"}):
        return load(name, FUNCTIONS / name / "main.py")


@pytest.mark.parametrize("shape", [request, function_url], ids=["api", "function-url"])
@pytest.mark.usefixtures("lambda_environment")
def test_a_request_is_answered_by_the_function(shape: Any) -> None:
    answer = entry("portal").handle(shape("GET", "/healthz"), Context())
    assert (200, {"status": "ok"}) == (answer["statusCode"], json.loads(answer["body"]))
    assert "application/json" == answer["headers"]["content-type"]


@pytest.mark.usefixtures("lambda_environment")
def test_headers_query_and_body_arrive() -> None:
    portal, owner = entry("portal"), {"Authorization": "Bearer owner"}
    made = portal.handle(
        request("POST", "/api/projects", b'{"id": "shop", "name": "Shop \xc3\xa9"}', JSON | owner), Context()
    )
    assert 201 == made["statusCode"]
    listed = json.loads(portal.handle(request("GET", "/api/projects?limit=1", None, owner), Context())["body"])
    assert [("shop", "Shop é")] == [(one["id"], one["name"]) for one in listed["items"]]
    page = portal.handle(request("GET", "/"), Context())
    assert page["headers"]["content-type"].startswith("text/html")
    assert "<html" in page["body"]


@pytest.mark.usefixtures("lambda_environment")
def test_an_error_is_answered_as_everywhere() -> None:
    answer = entry("git_push").handle(request("POST", "/git/nowhere", b"{}", JSON), Context())
    assert (404, "application/problem+json") == (answer["statusCode"], answer["headers"]["content-type"])


@pytest.mark.parametrize("body", [b"x" * (MOST + 1), b"\xff" * (MOST // 4 * 3 + 1)], ids=["text", "base64"])
@pytest.mark.usefixtures("lambda_environment")
def test_a_body_over_lambdas_limit_is_refused_with_what_becomes_of_it(body: bytes) -> None:
    media = "application/json" if body[0] == ord("x") else "application/octet-stream"
    answer = entry("git_push").handle(request("POST", "/git/shop", body, {"Content-Type": media}), Context())
    assert (413, "application/problem+json") == (answer["statusCode"], answer["headers"]["content-type"])
    assert "of a push nothing is lost" in json.loads(answer["body"])["detail"]


def _answering(body: str) -> Requests:
    return Requests(as_wsgi(function(Route("GET", "/", lambda _: Answer(200, body)))))


def test_an_answer_over_lambdas_limit_is_refused_in_words() -> None:
    answer = _answering("é" * (MOST // 6 + 1))(request("GET", "/"), Context())
    assert (500, "application/problem+json") == (answer["statusCode"], answer["headers"]["content-type"])
    assert "ask for a smaller page" in json.loads(answer["body"])["detail"]


def test_an_answer_that_just_fits_is_given() -> None:
    text = "é" * (MOST // 6 - 100)
    assert text == _answering(text)(request("GET", "/"), Context())["body"]


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": []}, {"Records": [{"eventSource": "aws:s3"}]}, {"version": "1.0", "httpMethod": "GET"}],
    ids=["empty", "no-records", "another-source", "an-older-format"],
)
@pytest.mark.usefixtures("lambda_environment")
def test_any_other_event_is_refused_with_those_that_are_taken(event: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match=r"payload format 2\.0.*SQS.*Scheduler"):
        entry("git_push").handle(event, Context())


def test_a_subscriber_that_waits_is_answered_before_the_gateway_gives_up() -> None:
    assert polling.LONGEST + 3 < GATEWAY
