"""GitHub's own description of its API (npm `@octokit/openapi`), as a judge of requests and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft4Validator, FormatChecker, validators
from referencing import Registry
from referencing.jsonschema import DRAFT4

_HOME: Final = "urn:github"
_JSON: Final = "application/json"
_GENERAL: Final = {301, 307, 400, 401, 403, 404, 422, 429, 500, 502, 503}
"""Statuses that GitHub answers any call with (REST, "Troubleshooting", "Client errors"), described or not."""


_OPEN: Final = {"anyOf", "oneOf", "allOf", "additionalProperties"}
"""Keywords beside which `properties` is not all there is, or which refuse the rest themselves."""


@dataclass(frozen=True)
class Operation:
    """One call that GitHub knows, found by method and path; `values` are those of the path's parameters."""

    description: Description
    method: str
    template: str
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        """Method and template, as GitHub's documentation titles it."""
        return f"{self.method} {self.template}"

    def refused(self, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what GitHub would not take, or would silently not read, of a request."""
        problems = [f"{self.name}: {problem}" for problem in self._parameters(query)]
        return [*problems, *(f"{self.name}: {problem}" for problem in self._body(body))]

    def unlike(self, status: int, body: Any) -> list[str]:
        """Return where an answer is none of GitHub's."""
        told = self._told["responses"].get(str(status))
        if told is None:
            known = status in _GENERAL
            return [] if known else [f"{self.name}: GitHub never answers this with status {status}"]
        if _JSON not in self.description.resolved(told).get("content", {}):
            return [] if body is None or status in _GENERAL else [f"{self.name}: GitHub sends no body with {status}"]
        pointer = self._pointer("responses", str(status), "content", _JSON, "schema", told=told)
        return [f"{self.name} answered {status}: {problem}" for problem in self.description.problems(pointer, body)]

    def example(self, status: int) -> Any:
        """Return GitHub's own example of an answer, to be filled with what is so."""
        content = self.description.resolved(self._told["responses"][str(status)])["content"][_JSON]
        found = next(iter(content["examples"].values()))
        return self.description.resolved(found)["value"]

    @cached_property
    def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = self.description.document["paths"][self.template][self.method.lower()]
        return found

    def _parameters(self, query: Mapping[str, str]) -> Iterator[str]:
        known = [self.description.resolved(each) for each in self._told.get("parameters", [])]
        yield from (f"no parameter {name!r}" for name in query if name not in _named(known, "query"))
        given = {"query": query, "path": self.values}
        for one in known:
            text = given.get(one["in"], {}).get(one["name"])
            if text is not None:
                yield from (
                    f"{one['name']}: {found}" for found in self.description.unfit(one["schema"], _read(text, one))
                )
            elif one.get("required"):
                yield f"parameter {one['name']!r} is missing"

    def _body(self, body: Any) -> Iterator[str]:
        told = self._told.get("requestBody")
        if told is None:
            yield from [] if body is None else ["takes no body"]
            return
        if body is None:
            yield from ["its body is missing"] if self.description.resolved(told).get("required") else []
            return
        yield from self.description.problems(self._pointer("requestBody", "content", _JSON, "schema", told=told), body)
        schema = self.description.resolved(told)["content"][_JSON]["schema"]
        yield from self.description.unread(schema, body)

    def _pointer(self, *parts: str, told: Mapping[str, Any]) -> str:
        if "$ref" in told:
            below = parts[parts.index("content") :]
            return f"{told['$ref']}/{'/'.join(_escaped(part) for part in below)}"
        path = ("paths", self.template, self.method.lower(), *parts)
        return "#/" + "/".join(_escaped(part) for part in path)


@dataclass
class Description:
    """The whole of it; schemas are looked into when a call first needs them."""

    document: dict[str, Any]
    _validators: dict[str, Any] = field(default_factory=dict)
    _found: dict[tuple[str, str], Operation | None] = field(default_factory=dict)

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the call that a method and a path are, None if there is none."""
        key = (method, path)
        if key not in self._found:
            self._found[key] = self._search(method, path)
        return self._found[key]

    def problems(self, pointer: str, instance: Any) -> list[str]:
        """Return what of an instance breaks the schema at a pointer into the document."""
        if pointer not in self._validators:
            self._validators[pointer] = self._validator({"$ref": f"{_HOME}{pointer}"})
        return [_told(error) for error in self._validators[pointer].iter_errors(instance)]

    def unfit(self, schema: dict[str, Any], instance: Any) -> list[str]:
        """Return what of an instance breaks a schema whose references are into the document."""
        plain = {"$ref": f"{_HOME}{schema['$ref']}"} if "$ref" in schema else schema
        return [_told(error) for error in self._validator(plain).iter_errors(instance)]

    def unread(self, told: Any, body: Any, place: str = "") -> Iterator[str]:
        """Yield the fields that GitHub would not refuse, but pass over: nobody sends these on purpose."""
        schema = self.resolved(told)
        if isinstance(body, list):
            for one in body:
                yield from self.unread(schema.get("items", {}), one, place)
        known = schema.get("properties")
        if not isinstance(body, dict) or not known or _OPEN & schema.keys():
            return
        for name, value in body.items():
            if name in known:
                yield from self.unread(known[name], value, f"{place}{name}/")
            else:
                yield f"no field {place}{name}"

    def resolved(self, told: Any) -> Any:
        """Return what a reference stands for, or what is no reference itself."""
        while isinstance(told, dict) and "$ref" in told:
            found: Any = self.document
            for part in told["$ref"][2:].split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            told = found
        return told

    @cached_property
    def _registry(self) -> Registry[Any]:
        found: Registry[Any] = Registry().with_resource(_HOME, DRAFT4.create_resource(self.document))
        return found

    @cached_property
    def _templates(self) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
        """Method → its templates, the most literal first: `comments` is no number, `check-runs` no part of a ref."""
        found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        for template, item in sorted(
            self.document["paths"].items(), key=lambda each: (each[0].count("{"), -len(each[0]))
        ):
            for method, told in item.items():
                found.setdefault(method.upper(), []).append((template, self._pattern(template, told)))
        return found

    def _pattern(self, template: str, told: Mapping[str, Any]) -> re.Pattern[str]:
        parameters = [self.resolved(each) for each in told.get("parameters", [])]
        wide = {each["name"] for each in parameters if each.get("x-multi-segment")}
        parts = re.split(r"\{(\w+)\}", template)
        for place in range(1, len(parts), 2):
            name = parts[place]
            parts[place] = f"(?P<{name}>{'.+' if name in wide else '[^/]+'})"
        return re.compile("".join(part if place % 2 else re.escape(part) for place, part in enumerate(parts)))

    def _search(self, method: str, path: str) -> Operation | None:
        for template, pattern in self._templates.get(method, []):
            found = pattern.fullmatch(path)
            if found:
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                return Operation(self, method, template, values)
        return None

    def _validator(self, schema: dict[str, Any]) -> Any:
        return _Validator(schema, registry=self._registry, format_checker=_FORMATS)


@cache
def described(folder: Path) -> Description:
    """Read the description of github.com's API; once in a process, in about a tenth of a second."""
    return Description(json.loads((folder / "generated" / "api.github.com.json").read_bytes()))


def _read(text: str, parameter: Mapping[str, Any]) -> Any:
    """Return a parameter's text as its schema counts it."""
    kind = parameter["schema"].get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _named(parameters: list[dict[str, Any]], place: str) -> set[str]:
    return {each["name"] for each in parameters if each["in"] == place}


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _told(error: Any) -> str:
    place = "".join(f"{part}: " for part in error.absolute_path)
    return f"{place}{error.message[:200]}"


def _nullable(keyword: str) -> Any:
    """Return the rule of a keyword where `nullable` is heeded, which OpenAPI 3.0 has beside JSON Schema's."""
    rule = Draft4Validator.VALIDATORS[keyword]

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if instance is None and schema.get("nullable"):
            return
        yield from rule(validator, value, instance, schema) or ()

    return check


_NULLABLE: Final = ("type", "enum", "allOf", "anyOf", "oneOf")
_Validator: Final = validators.extend(  # type: ignore[no-untyped-call]
    Draft4Validator, {keyword: _nullable(keyword) for keyword in _NULLABLE}
)
_FORMATS: Final = FormatChecker(())


@_FORMATS.checks("date-time")
def _moment(value: Any) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value)
    )


@_FORMATS.checks("uri")
def _address(value: Any) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[a-z][a-z0-9+.-]*:[^\s]*", value))
