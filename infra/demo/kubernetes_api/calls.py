"""One API request, read from its path, query and headers; nothing here knows the web framework."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from infra.demo.kubernetes_api import patches, refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.demo.kubernetes_api.catalogue import Catalogue
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource

SERVICE_ACCOUNT = "system:serviceaccount:"
SERVICE_ACCOUNT_PARTS = 4
JSON_TYPE = "application/json"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class User:
    """Who calls."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()

    def document(self) -> Document:
        """Return it as `userInfo` of reviews and `user` of audit events."""
        fields = {"username": self.username, "uid": self.uid, "groups": list(self.groups)}
        return {key: value for key, value in fields.items() if value}


def impersonated(username: str, groups: tuple[str, ...]) -> User:
    """Return the user that the API server makes of an `Impersonate-User` header."""
    parts = username.split(":")
    if username.startswith(SERVICE_ACCOUNT) and len(parts) == SERVICE_ACCOUNT_PARTS and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{parts[2]}")
    return User(username, groups=(*groups, "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a request carries beside its path."""

    method: str
    uri: str
    query: Mapping[str, str]
    user: User
    impersonator: User | None = None
    agent: str = ""
    media_type: str = JSON_TYPE
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Call:
    """A request for one resource; `name` is "" for a collection, `namespace` "" for all or where there is none."""

    envelope: Envelope
    resource: Resource
    namespace: str
    name: str
    subresource: str

    @property
    def verb(self) -> str:
        """The verb as authorization and audit know it."""
        if self.envelope.method in VERBS:
            return VERBS[self.envelope.method]
        if self.flag("watch"):
            return "watch"
        return "get" if self.name else "list"

    def text(self, name: str) -> str:
        """Return a parameter of the query, "" if absent."""
        return self.envelope.query.get(name, "")

    def flag(self, name: str) -> bool:
        """Say whether a boolean parameter of the query is set."""
        return self.text(name) in {"true", "True", "1"}

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored."""
        return self.text("dryRun") == "All"

    @property
    def applies(self) -> bool:
        """Whether it is a server-side apply."""
        return self.verb == "patch" and self.envelope.media_type == patches.APPLY

    @property
    def manager(self) -> str:
        """The field manager: named, else the user agent up to its first slash."""
        return self.text("fieldManager") or self.envelope.agent.partition("/")[0]

    def document(self) -> Document:
        """Return the body as an object, or refuse it."""
        body = self.content()
        if not isinstance(body, dict):
            raise refusals.bad_request("the object provided is unrecognized: it is no JSON object")
        return body

    def content(self) -> Any:
        """Return the decoded body, None where it is empty, or refuse it."""
        if not self.envelope.body:
            return None
        try:
            if self.applies:
                return yaml.safe_load(self.envelope.body)
            return json.loads(self.envelope.body)
        except (ValueError, yaml.YAMLError) as error:
            raise refusals.bad_request(f"the body cannot be decoded: {error}") from error


def read(envelope: Envelope, catalogue: Catalogue, path: str) -> Call:
    """Find out what a path under `/api/v1` or `/apis/{group}/{version}` is about, or refuse it."""
    group, version, rest = _group(path.strip("/").split("/"))
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    resource = catalogue.find(group, version, rest[0])
    if resource.namespaced != bool(namespace) and (namespace or len(rest) > 1):
        raise refusals.no_such_path()
    name, subresource, *more = (*rest[1:], "", "")
    if any(more) or (subresource and subresource not in resource.subresources):
        raise refusals.no_such_path()
    return Call(envelope, resource, namespace, name, subresource)


def _group(steps: list[str]) -> tuple[str, str, list[str]]:
    match steps:
        case ["api", version, *rest] if rest:
            return "", version, rest
        case ["apis", group, version, *rest] if rest:
            return group, version, rest
    raise refusals.no_such_path()
