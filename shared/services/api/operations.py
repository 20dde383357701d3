"""An operation of the API: its route, who may call it, and what it reads and answers, as OpenAPI shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from shared.errors import BadInput, Invalid, NotFound, Unauthenticated
from shared.model.calls import Answer, Call, Route
from shared.rules.keys import same

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

JSON: Final = "application/json"
YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml")
BODY_LIMIT: Final = 1 << 20

_LONGEST: Final = 512
"""Characters of a name in a path; nothing has a longer one."""

_PROBLEMS: Final = 20
"""Problems of a body that one answer lists."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; `reads` names the model of a JSON body in `bodies`, `also` further media types of it.

    `query` and `headers` name the parameters that it heeds, `status` is that of success, `yields` further media types
    of what it answers.
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Answer]
    reads: str = ""
    status: int = 200
    also: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    yields: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        """The path as the router knows it."""
        return f"/api{self.path}"


def routes(operations: Iterable[Operation], admin_token: str) -> list[Route]:
    """Return the operations as routes that answer only to the owner's token."""
    return [_route(operation, admin_token) for operation in operations]


def model_of(name: str) -> type[BaseModel]:
    """Return a model of `bodies`, which pydantic makes at the first look, so that who only reads does not wait."""
    from shared.services.api import bodies  # noqa: PLC0415 - pydantic is slow to load

    model: type[BaseModel] = getattr(bodies, name)
    return model


def parse(name: str, call: Call) -> Any:
    """Return the body as the model of that name: `Invalid` lists each problem by field, with what to do."""
    from pydantic import ValidationError  # noqa: PLC0415 - as in `model_of`

    try:
        return model_of(name).model_validate(json.loads(call.body or b"{}"))
    except ValidationError as error:
        problems = _problems(error)
        raise Invalid(f"{problems[0]['field']}: {problems[0]['message']}", problems) from error
    except ValueError as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    except RecursionError as error:
        raise BadInput("the body is no JSON that can be read: it is nested too deep") from error


def authenticate(call: Call, admin_token: str) -> None:
    """Refuse a call that does not carry the owner's token; compared in constant time."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not same(given.strip(), admin_token):
        raise Unauthenticated("send the owner's token as `Authorization: Bearer <token>`")


def _route(operation: Operation, admin_token: str) -> Route:
    def answer(call: Call) -> Answer:
        authenticate(call, admin_token)
        if any(len(name) > _LONGEST or not name.isprintable() for name in call.params.values()):
            raise NotFound(f"nothing has a name that cannot be printed, or of more than {_LONGEST} characters")
        return operation.handler(call)

    return Route(operation.method, operation.template, answer, limit=BODY_LIMIT)


def _problems(error: ValidationError) -> tuple[dict[str, object], ...]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple({"field": _field(one["loc"]), "message": one["msg"][:300]} for one in islice(found, _PROBLEMS))


def _field(place: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:60] for step in place) or "body"
