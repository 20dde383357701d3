"""Looks for objects in all namespaces, or where the role lets it: a namespaced role sees its own namespaces only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import Forbidden
from shared.ports.kubernetes import KubernetesApi
from shared.rules.rendering import RESOURCES
from shared.rules.tickets import EXPERIMENT, label_value

Json = dict[str, Any]
_SCHEDULES: Final = ("CronWorkflow", "ChaosSchedule")


def everywhere(api: KubernetesApi, resource: str, selector: str, places: Iterable[str]) -> tuple[list[Json], bool]:
    """Return the objects that a selector matches, and whether all namespaces were looked through.

    Where the role forbids that, these places are looked through: `Forbidden` if it may see none of them either.
    """
    try:
        return api.list(resource, "", selector), True
    except Forbidden:
        return [one for place in sorted(set(places)) for one in api.list(resource, place, selector)], False


@dataclass(slots=True)
class Sweep:
    """Removes what was installed for one experiment: `removed` says what, `unseen` where it could not look."""

    api: KubernetesApi
    experiment: str
    places: frozenset[str]
    removed: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def run(self, keep: tuple[str, str, str] | None = None) -> Sweep:
        """Remove every schedule but the one to `keep`, given by its resource, namespace and name."""
        for kind in _SCHEDULES:
            for found in self._found(kind):
                metadata = found["metadata"]
                if (RESOURCES[kind], metadata["namespace"], metadata["name"]) != keep:
                    self.api.delete(RESOURCES[kind], metadata["namespace"], metadata["name"])
                    self.removed += (f"{kind} {metadata['namespace']}/{metadata['name']}",)
        return self

    def told(self) -> str:
        """Return what was removed, and what was not seen, in words."""
        done = f"removed: {', '.join(self.removed) or 'nothing was there'}"
        return f"{done}; the role hides {' and '.join(self.unseen)}" if self.unseen else done

    def _found(self, kind: str) -> list[Json]:
        resource, here = RESOURCES[kind], ", ".join(sorted(self.places))
        if not self.api.serves(resource):
            return []
        selector = f"{EXPERIMENT}={label_value(self.experiment)}"
        try:
            found, whole = everywhere(self.api, resource, selector, self.places)
        except Forbidden:
            self.unseen += (f"every {kind}",)
            return []
        self.unseen += () if whole else (f"each {kind} outside {here}",)
        return found
