"""Label and field selectors, in the query's text form and in the object form of `LabelSelector`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import refusals
from infra.demo.kubernetes_api.documents import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.demo.kubernetes_api.documents import Document

COMMAS_OUTSIDE_SETS = re.compile(r",(?![^(]*\))")
KEY = r"[A-Za-z0-9][A-Za-z0-9_./-]*"
VALUE = r"[A-Za-z0-9_.-]*"
IN_SET = re.compile(rf"^({KEY})\s+(in|notin)\s+\(([^()]*)\)$")
COMPARED = re.compile(rf"^({KEY})\s*(==|=|!=)\s*({VALUE})$")
PRESENT = re.compile(rf"^(!?)\s*({KEY})$")
FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels; `operator` is `=`, `in`, `notin`, `exists` or `absent`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels meet it; an absent label meets `notin`."""
        value = labels.get(self.key)
        if self.operator in {"=", "in"}:
            return value in self.values
        if self.operator == "notin":
            return value not in self.values
        return (value is not None) == (self.operator == "exists")

    def __str__(self) -> str:
        if self.operator in {"exists", "absent"}:
            return self.key if self.operator == "exists" else f"!{self.key}"
        if self.operator == "=":
            return f"{self.key}={self.values[0]}"
        return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"


def parse(text: str) -> list[Requirement]:
    """Read a `labelSelector` of a query, or refuse it."""
    return [_requirement(term.strip()) for term in COMMAS_OUTSIDE_SETS.split(text) if term.strip()]


def _requirement(term: str) -> Requirement:
    if found := IN_SET.match(term):
        key, operator, values = found.groups()
        return Requirement(key, operator, tuple(value.strip() for value in values.split(",")))
    if found := COMPARED.match(term):
        key, sign, value = found.groups()
        return Requirement(key, "notin" if sign == "!=" else "=", (value,))
    if found := PRESENT.match(term):
        return Requirement(found[2], "absent" if found[1] else "exists")
    raise refusals.bad_request(f'unable to parse requirement: "{term}" is no label requirement')


def from_object(selector: Document | None) -> list[Requirement]:
    """Read a `LabelSelector` object, sorted by key; an empty or absent one selects everything."""
    words = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    labels = lookup(selector, "matchLabels", default={})
    expressions = lookup(selector, "matchExpressions", default=[])
    found = [Requirement(key, "=", (value,)) for key, value in labels.items()]
    found += [Requirement(one["key"], words[one["operator"]], tuple(one.get("values", ()))) for one in expressions]
    return sorted(found, key=lambda one: one.key)


def select(document: Document, requirements: list[Requirement]) -> bool:
    """Say whether the object's labels meet every requirement."""
    labels = lookup(document, "metadata", "labels", default={})
    return all(one.holds(labels) for one in requirements)


def parse_fields(text: str) -> list[tuple[tuple[str, ...], str, bool]]:
    """Read a `fieldSelector` as (path, value, whether they must be equal), or refuse an unsupported field."""
    found = []
    for term in filter(None, text.split(",")):
        field, sign, value = re.split(r"(!=|==|=)", term, maxsplit=1) if "=" in term else (term, "", "")
        if field not in FIELDS:
            raise refusals.bad_request(f'field label not supported: "{field}"')
        found.append((tuple(field.split(".")), value, sign != "!="))
    return found


def select_fields(document: Document, fields: list[tuple[tuple[str, ...], str, bool]]) -> bool:
    """Say whether the object's fields meet every term."""
    return all((lookup(document, *path, default="") == value) == equal for path, value, equal in fields)
