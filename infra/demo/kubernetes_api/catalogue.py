"""Which resources are served now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import refusals
from infra.demo.kubernetes_api.documents import lookup
from infra.demo.kubernetes_api.resources import BUILT_IN, defined_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource


class Catalogue:
    """All resources that are served now; custom ones come and go with their definitions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served = {(one.group, one.version, one.plural): one for one in BUILT_IN}

    def find(self, group: str, version: str, plural: str) -> Resource:
        """Return the resource, or refuse as for any unknown path."""
        found = self._served.get((group, version, plural))
        if found is None:
            raise refusals.no_such_path()
        return found

    def all(self) -> list[Resource]:
        """List what is served, built-in resources first."""
        with self._lock:
            return list(self._served.values())

    def define(self, crd: Document) -> None:
        """Serve what the definition says now, in place of what it said before."""
        self._swap(lookup(crd, "metadata", "name"), defined_by(crd))

    def undefine(self, crd: Document) -> None:
        """Serve it no longer."""
        self._swap(lookup(crd, "metadata", "name"), [])

    def _swap(self, group_resource: str, resources: Iterable[Resource]) -> None:
        with self._lock:
            kept = {key: one for key, one in self._served.items() if one.group_resource != group_resource}
            self._served = kept | {(one.group, one.version, one.plural): one for one in resources}
