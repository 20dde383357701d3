"""What is served, as clients discover it: `/api`, `/apis` and below, `/version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import refusals, scaling

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.catalogue import Catalogue
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
SUBRESOURCE_VERBS = ["get", "patch", "update"]
VERSION: Document = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "python",
}


def is_discovery(path: str) -> bool:
    """Say whether a path is about what is served, and not about objects."""
    steps = path.strip("/").split("/")
    return len(steps) <= (2 if steps[0] == "api" else 3)


def discover(catalogue: Catalogue, path: str) -> Document:
    """Return the document of a discovery path, or refuse the path."""
    match path.strip("/").split("/"):
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(catalogue)}
        case ["apis", group]:
            return _group(catalogue, group)
        case ["api", version]:
            return _resources(catalogue, "", version)
        case ["apis", group, version]:
            return _resources(catalogue, group, version)
    raise refusals.no_such_path()


def _groups(catalogue: Catalogue) -> list[Document]:
    versions: dict[str, list[str]] = {}
    for one in catalogue.all():
        if one.group and one.version not in versions.setdefault(one.group, []):
            versions[one.group].append(one.version)
    return [_described(group, names) for group, names in versions.items()]


def _described(group: str, names: list[str]) -> Document:
    versions = [{"groupVersion": f"{group}/{name}", "version": name} for name in names]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _group(catalogue: Catalogue, name: str) -> Document:
    for group in _groups(catalogue):
        if group["name"] == name:
            return {"kind": "APIGroup", "apiVersion": "v1"} | group
    raise refusals.no_such_path()


def _resources(catalogue: Catalogue, group: str, version: str) -> Document:
    served = [one for one in catalogue.all() if (one.group, one.version) == (group, version)]
    if not served:
        raise refusals.no_such_path()
    entries = [entry for one in served for entry in _entries(one)]
    head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served[0].api_version}
    return head | {"resources": entries}


def _entries(resource: Resource) -> list[Document]:
    entry: Document = {"name": resource.plural, "singularName": resource.singular or resource.kind.lower()}
    entry |= {"namespaced": resource.namespaced, "kind": resource.kind, "verbs": VERBS}
    entry |= {"shortNames": list(resource.short_names)} if resource.short_names else {}
    return [entry, *(_subresource(resource, name) for name in sorted(resource.subresources))]


def _subresource(resource: Resource, name: str) -> Document:
    entry: Document = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
    if name == "scale":
        entry |= {"group": scaling.GROUP, "version": scaling.VERSION}
    return entry | {"kind": scaling.KIND if name == "scale" else resource.kind, "verbs": SUBRESOURCE_VERBS}
