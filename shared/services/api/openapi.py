"""The API's own description, OpenAPI 3.1, made from the operations that are really served."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.services.api.operations import JSON, Operation

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail"],
}


def describe(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of these operations."""
    models = sorted({o.reads for o in operations if o.reads}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(m, "validation") for m in models], ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "litmus-gitops", "version": version},
        "security": [{"owner": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"owner": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", operation.path)
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names],
        "responses": {
            str(operation.status): {"description": operation.summary},
            "default": {"description": "What went wrong (RFC 9457)", "content": problem},
        },
    }
    if content := _content(operation):
        described["requestBody"] = {"content": content}
    return described


def _content(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"}} for media in operation.also}
    if operation.reads:
        content[JSON] = {"schema": {"$ref": f"#/components/schemas/{operation.reads.__name__}"}}
    return content
