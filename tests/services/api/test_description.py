"""The OpenAPI document says what is served, no more and no less, and says it as OpenAPI 3.1 has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.services.api.openapi import PATH
from shared.services.api.portal import QUERY
from tests.services.api.conftest import body, caller
from tests.services.api.portals import whole
from tests.services.dispatch_stage import Stage

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture
def served(stage: Stage) -> set[tuple[str, str]]:
    routes = whole(stage).routes
    api = [route for route in routes if route.template.startswith("/api/") and route.template != QUERY]
    return {(route.method.lower(), route.template) for route in api}


@pytest.fixture
def document(stage: Stage) -> dict[str, Any]:
    answer = caller(whole(stage).routes)("GET", PATH.removeprefix("/api"), token="nobody's")
    assert answer.status == 200
    found: dict[str, Any] = body(answer)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def values(value: Any, key: str) -> Iterator[Any]:
    """Yield whatever stands under a key, at any depth."""
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name == key)
        for part in value.values():
            yield from values(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from values(part, key)


def test_every_operation_that_is_served_is_described(document: dict[str, Any], served: set[tuple[str, str]]) -> None:
    assert served == {(method, path) for method, path, _ in operations(document)}


def test_the_document_has_the_structure_of_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= document["info"].keys()
    for method, path, operation in operations(document):
        assert method in METHODS
        assert path.startswith("/")
        assert {"operationId", "summary", "responses"} <= operation.keys()
        assert all(re.fullmatch(r"[1-5]\d\d|default", status) for status in operation["responses"])
        assert all("description" in response for response in operation["responses"].values())
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_part_of_a_path_is_a_parameter(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        given = [one for one in operation.get("parameters", []) if one["in"] == "path"]
        assert re.findall(r"{(\w+)}", path) == [one["name"] for one in given]
        assert all(one["required"] for one in given)


def test_every_parameter_has_a_schema_and_a_place(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        parameters = operation.get("parameters", [])
        assert all({"name", "in", "schema"} <= one.keys() for one in parameters), path
        assert len(parameters) == len({(one["name"], one["in"]) for one in parameters})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in values(document, "$ref"):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_every_json_body_has_a_model_that_is_strict_about_names(document: dict[str, Any]) -> None:
    models = {reference.rpartition("/")[2] for reference in values(list(operations(document)), "$ref")}
    for name in models - {"Problem", "Page", "Resource"}:
        assert document["components"]["schemas"][name]["additionalProperties"] is False
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        assert all("schema" in media for media in content.values()), (method, path)
        assert method not in {"put", "post"} or content or path.endswith(("/sync", "/stop", "/redrive", "/webhook"))


def test_every_operation_but_this_one_wants_the_owners_token(document: dict[str, Any]) -> None:
    assert [{"owner": []}] == document["security"]
    assert [PATH] == [path for _, path, operation in operations(document) if "security" in operation]


def test_lists_say_how_they_are_paged(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        page = "#/components/schemas/Page" in str(operation["responses"])
        names = {one["name"] for one in operation.get("parameters", [])}
        assert page == ({"limit", "cursor"} <= names), path


def test_what_is_answered_is_described_with_its_status(document: dict[str, Any], stage: Stage) -> None:
    call = whole(stage).call
    tried = [
        ("POST", "/projects", {"id": "bank", "name": "Bank"}, "/api/projects"),
        ("POST", "/projects/shop/clusters", {"id": "c9", "name": "x"}, "/api/projects/{project}/clusters"),
        ("DELETE", "/projects/shop/clusters/c9", None, "/api/projects/{project}/clusters/{cluster}"),
        ("POST", "/projects/shop/sync", None, "/api/projects/{project}/sync"),
        ("PUT", "/projects/shop/freeze", {}, "/api/projects/{project}/freeze"),
        ("DELETE", "/projects/shop/freeze", None, "/api/projects/{project}/freeze"),
        ("DELETE", "/projects/shop/gitops", None, "/api/projects/{project}/gitops"),
    ]
    for method, path, given, template in tried:
        assert str(call(method, path, given).status) in document["paths"][template][method.lower()]["responses"], path
