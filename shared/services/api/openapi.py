"""The API's own description, OpenAPI 3.1, made from the operations that are really served."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from shared.services.api.operations import JSON, Operation, model_of
from shared.services.api.paging import MAX_LIMIT, QUERY

PATH: Final = "/api/openapi.json"

_TEXT: Final = {"type": "string"}
_PARAMETERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "limit": ("Rows at most", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}),
    "cursor": ("The `next` of the page before", {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}),
    "kind": (
        "Only rows of this kind",
        {"enum": ["delivery", "sync", "edit", "change", "order", "run", "report"]},
    ),
    "workload": ("Only rows with this subject, `<Kind>/<namespace>/<name>`", _TEXT),
    "since": ("Only rows that are not older", {"type": "string", "format": "date-time"}),
    "If-Match": (
        "The ETag of what was read: a later change is never overwritten; a file is merged, all else is answered 409",
        _TEXT,
    ),
    "X-Editor": ("Who edits, `Name <mail>`, in UTF-8; it becomes the commit's author", _TEXT),
}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Problem": {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "problems": {"type": "array", "items": {"type": "object"}},
            "conflict": {"type": "string", "description": "The id of the conflict object that an edit became"},
        },
        "required": ["type", "title", "status", "detail"],
    },
    "Page": {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"type": "object"}},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page, null on the last"},
        },
        "required": ["items", "next"],
    },
    "Resource": {"type": "object"},
}


def describe(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of these operations and of itself."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415 - as in `model_of`

    models = [model_of(name) for name in sorted({o.reads for o in operations if o.reads})]
    _, schemas = models_json_schema([(m, "validation") for m in models], ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {PATH: {"get": _itself()}}
    for operation in operations:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "litmus-gitops", "version": version},
        "security": [{"owner": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"owner": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas.get("$defs", {}), **_SCHEMAS},
        },
    }


def _itself() -> dict[str, Any]:
    return {
        "operationId": "describe",
        "summary": "Describe the API",
        "security": [],
        "responses": {"200": {"description": "This document", "content": {JSON: {"schema": {"type": "object"}}}}},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.also or operation.reads:
        described["requestBody"] = {"required": bool(operation.also) or _needed(operation), "content": _body(operation)}
    return described


def _name(operation: Operation) -> str:
    """Return a name of its own, such as `put_projects_project_gitops`."""
    return "_".join((operation.method.lower(), *re.findall(r"\w+", operation.path)))


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", operation.path)
    found = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]
    for place, given in (("query", operation.query), ("header", operation.headers)):
        for name in given:
            told, schema = _PARAMETERS[name]
            found.append({"name": name, "in": place, "description": told, "schema": schema})
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    done: dict[str, Any] = {"description": operation.summary}
    if operation.status != 204:  # noqa: PLR2004 - HTTP's answer without a body
        schema = "Page" if set(QUERY) <= set(operation.query) else "Resource"
        done["content"] = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        done["content"] |= {media: {"schema": _TEXT} for media in operation.yields}
    return {str(operation.status): done, "default": {"description": "What went wrong (RFC 9457)", "content": problem}}


def _body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {
        media: {"schema": {"type": "object"} if media == JSON else _TEXT} for media in operation.also
    }
    if operation.reads:
        content[JSON] = {"schema": {"$ref": f"#/components/schemas/{operation.reads}"}}
    return content


def _needed(operation: Operation) -> bool:
    """Whether a JSON body must be sent: not where each of its fields has a default."""
    fields = model_of(operation.reads).model_fields if operation.reads else {}
    return any(field.is_required() for field in fields.values())
