"""Who set which field: `metadata.managedFields` after an update, as server-side apply later relies on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api.documents import lookup, second
from infra.demo.kubernetes_api.fields import INNER, Path, fields_of, from_trie, to_trie

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.demo.kubernetes_api.documents import Document

ALWAYS_THERE = frozenset(
    {
        ("f:metadata",),
        ("f:spec",),
        ("f:spec", "f:strategy"),
        ("f:spec", "f:updateStrategy"),
        ("f:spec", "f:template"),
        ("f:spec", "f:template", "f:metadata"),
        ("f:spec", "f:template", "f:spec"),
        ("f:spec", "f:template", "f:spec", "f:containers"),
        ("f:spec", "f:containers"),
        ("f:status",),
    }
)


@dataclass(frozen=True, slots=True)
class Manager:
    """Someone who writes: a name, `Apply` or `Update`, through which version and subresource."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """The fields that one manager owns since a moment."""

    manager: Manager
    time: str
    paths: frozenset[Path]

    def document(self) -> Document:
        """Return it as an entry of `managedFields`."""
        who = self.manager
        entry: Document = {"manager": who.name, "operation": who.operation, "apiVersion": who.api_version}
        entry |= {"time": self.time, "fieldsType": "FieldsV1", "fieldsV1": to_trie(self.paths)}
        return entry | ({"subresource": who.subresource} if who.subresource else {})


def shares_of(document: Document | None) -> list[Share]:
    """Read an object's `managedFields`."""
    entries = lookup(document, "metadata", "managedFields", default=[])
    return [_share(entry) for entry in entries]


def _share(entry: Document) -> Share:
    who = Manager(entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", ""))
    return Share(who, entry.get("time", ""), frozenset(from_trie(entry["fieldsV1"])))


def entries_of(shares: Iterable[Share]) -> list[Document]:
    """Return the `managedFields` of the shares that are not empty, applied ones first, each kind by time."""
    ordered = sorted(shares, key=lambda one: (one.manager.operation != "Apply", one.time, one.manager.name))
    return [share.document() for share in ordered if share.paths]


def granted(shares: list[Share], who: Manager, paths: frozenset[Path]) -> list[Share]:
    """Return the shares with `who` owning exactly `paths`; its time moves only if that is a change."""
    kept = [share for share in shares if share.manager != who]
    before = next((share for share in shares if share.manager == who), None)
    unchanged = before is not None and before.paths == paths
    return [*kept, before if before is not None and unchanged else Share(who, second(), paths)]


def after_update(
    old: Document | None, new: Document, who: Manager, *, custom: bool, status_apart: bool
) -> list[Document]:
    """Return the `managedFields` when `who` has turned `old` into `new` by an update or a plain patch.

    Where status is written apart, by its own subresource, nobody comes to own it by the main path.
    """
    before = fields_of(old or {}, custom=custom)
    after = fields_of(new, custom=custom)
    there = before.keys() | (frozenset({("f:metadata",)}) if custom else ALWAYS_THERE)
    reset = {"f:status"} if status_apart and not who.subresource else set()
    candidates = (path for path in after if path[0] not in reset)
    touched = {path for path in candidates if path not in there or _differ(before.get(path, INNER), after[path])}
    others = [replace(one, paths=(one.paths - touched) & after.keys()) for one in shares_of(old) if one.manager != who]
    mine = frozenset(path for one in shares_of(old) if one.manager == who for path in one.paths)
    return entries_of(granted([*others, *_same(old, who)], who, (mine & after.keys()) | touched))


def _differ(before: object, after: object) -> bool:
    return after is not INNER and before != after


def _same(document: Document | None, who: Manager) -> list[Share]:
    return [one for one in shares_of(document) if one.manager == who]
