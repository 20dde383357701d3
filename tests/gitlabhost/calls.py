"""Requests to the REST API: their parameters are read as Grape reads them, and refused as GitLab refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.gitlabhost.state import Project, State, Token

Answer = tuple[int, Any]
"""A status and JSON, None for no content."""


class Refused(Exception):
    """GitLab says no."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Parameter:
    """What a route takes under a name: a scalar's `kind`, its allowed `values`, or a hash's own parameters."""

    kind: type = str
    required: bool = False
    values: tuple[Any, ...] = ()
    below: Mapping[str, Parameter] | None = None


@dataclass(frozen=True)
class Route:
    """One route of the API; `level` and `scope` are what its caller needs."""

    method: str
    pattern: re.Pattern[str]
    takes: Mapping[str, Parameter]
    answer: Callable[[Call], Answer]
    level: int
    paged: bool


@dataclass
class Call:
    """A request that may be answered."""

    state: State
    token: Token
    project: Project
    path: dict[str, str]
    given: dict[str, Any]

    def number(self, name: str) -> int:
        """Return a number in the path: 400 if it is none."""
        if not self.path[name].isdigit():
            raise Refused(400, {"error": f"{name} is invalid"})
        return int(self.path[name])


ROUTES: list[Route] = []
NO_PARAMETERS: dict[str, Parameter] = {}


def route(
    method: str, template: str, takes: Mapping[str, Parameter] = NO_PARAMETERS, *, level: int = 0, paged: bool = False
) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Register a route below `/projects/:id`; a paged one takes `page` and `per_page` too."""

    def register(answer: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        pattern = re.compile("/projects/(?P<id>[^/]+)" + re.sub(r":(\w+)", r"(?P<\1>[^/]+)", template))
        pages = {"page": Parameter(int), "per_page": Parameter(int)} if paged else {}
        ROUTES.append(Route(method, pattern, {**pages, **takes}, answer, level, paged))
        return answer

    return register


def found(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a request and what its path names."""
    matches = [(one, match) for one in ROUTES if (match := one.pattern.fullmatch(path))]
    if not matches:
        raise Refused(404, {"error": "404 Not Found"})
    for one, match in matches:
        if one.method == method:
            return one, {name: unquote(value) for name, value in match.groupdict().items()}
    raise Refused(405, {"error": "405 Not Allowed"})


def given(url: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request: of its query, and of its body, which must be a JSON object."""
    query: dict[str, Any] = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if not body:
        return query
    if content_type != "application/json":
        raise Refused(406, {"error": "The requested content-type is not supported."})
    try:
        read = json.loads(body)
    except ValueError as error:
        raise Refused(400, {"error": "Problems parsing JSON"}) from error
    if read is not None and not isinstance(read, dict):
        raise Refused(400, {"error": "The request body is no object"})
    return query | (read or {})


def checked(takes: Mapping[str, Parameter], values: Mapping[str, Any], below: str = "") -> dict[str, Any]:
    """Return the parameters in their kinds: 400 for one that is missing, of another kind or value, or unknown."""
    for name in values:
        if name not in takes:
            raise Refused(400, {"error": f"{below}{name} is not known"})
    for name, parameter in takes.items():
        if parameter.required and values.get(name) is None:
            raise Refused(400, {"error": f"{below}{name} is missing"})
    return {name: _read(f"{below}{name}", takes[name], value) for name, value in values.items() if value is not None}


def _read(name: str, parameter: Parameter, value: Any) -> Any:
    if parameter.below is not None:
        if not isinstance(value, dict):
            raise Refused(400, {"error": f"{name} is invalid"})
        return checked(parameter.below, value, f"{name}.")
    read = _coerced(parameter.kind, value)
    if read is None:
        raise Refused(400, {"error": f"{name} is invalid"})
    if parameter.values and read not in parameter.values:
        raise Refused(400, {"error": f"{name} does not have a valid value"})
    return read


def _coerced(kind: type, value: Any) -> Any:
    """Return a value in its kind as Grape coerces it, None if it cannot."""
    if kind is bool:
        return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if kind is int:
        text = str(value)
        return int(text) if not isinstance(value, bool) and re.fullmatch(r"-?\d+", text) else None
    return value if isinstance(value, str) else None
