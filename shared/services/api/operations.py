"""An operation of the API: its route, who may call it, and what it reads and answers, as OpenAPI shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.errors import BadInput, Invalid, Unauthenticated
from shared.model.calls import Answer, Call, Route
from shared.rules.keys import same

JSON = "application/json"
YAML = ("application/yaml", "application/x-yaml", "text/yaml")
BODY_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; `reads` is the model of a JSON body, `also` further media types of it."""

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Answer]
    reads: type[BaseModel] | None = None
    status: int = 200
    also: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        """The path as the router knows it."""
        return f"/api{self.path}"


def routes(operations: Iterable[Operation], admin_token: str) -> list[Route]:
    """Return the operations as routes that answer only to the owner's token."""
    return [_route(operation, admin_token) for operation in operations]


def parse(model: type[BaseModel], call: Call) -> Any:
    """Return the body as `model`: `Invalid` lists each problem by field, with what to do."""
    try:
        return model.model_validate(json.loads(call.body or b"{}"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise Invalid(_sentence(error), _problems(error)) from error
        raise BadInput(f"the body is no JSON: {error}") from error


def _route(operation: Operation, admin_token: str) -> Route:
    def answer(call: Call) -> Answer:
        authenticate(call, admin_token)
        return operation.handler(call)

    media = (JSON, *operation.also) if operation.reads and operation.method in {"PUT", "POST"} else ()
    return Route(operation.method, operation.template, answer, media if operation.also else (), BODY_LIMIT)


def authenticate(call: Call, admin_token: str) -> None:
    """Refuse a call that does not carry the owner's token; compared in constant time."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not same(given.strip(), admin_token):
        raise Unauthenticated("send the owner's token as `Authorization: Bearer <token>`")


def _problems(error: ValidationError) -> tuple[dict[str, object], ...]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple({"field": ".".join(map(str, one["loc"])) or "body", "message": one["msg"]} for one in found)


def _sentence(error: ValidationError) -> str:
    first = _problems(error)[0]
    return f"{first['field']}: {first['message']}"
