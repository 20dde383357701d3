"""A cluster's API server, as Protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class Watching(Protocol):
    """A watch under way."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the objects, in one thread, until the time is over or somebody closes it."""
        ...

    def close(self) -> None:
        """End it, from any thread and at once."""
        ...


class KubernetesApi(Protocol):
    """The Kubernetes API of one cluster, as the subscriber uses it; objects are plain JSON as the server sent them.

    `resource` is `<group>/<version>/<plural>`, e.g. `apps/v1/deployments` or `v1/configmaps`.
    Raises `NotFound`, `Conflict` (already exists, or a stale version), `Forbidden`, `Invalid`, `Unavailable`.
    """

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any]:
        """Return the object."""
        ...

    def list(self, resource: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """Return the objects that a label selector matches; an empty namespace means all of them."""
        ...

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object: `Conflict` if the name is taken."""
        ...

    def apply(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Apply server-side as field manager `litmus-gitops`, forcing conflicts."""
        ...

    def patch(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Merge-patch the object (RFC 7386)."""
        ...

    def replace(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the object: `Conflict` if its resourceVersion moved."""
        ...

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete the object; nothing happens if it is gone."""
        ...

    def watch(
        self, resource: str, namespace: str = "", selector: str = "", timeout: float = 30.0, name: str = ""
    ) -> Watching:
        """List, then yield at least the metadata of each object as it is and becomes, for `timeout` seconds.

        A lost watch is resumed; `name` keeps to one object.
        """
        ...

    def serves(self, resource: str) -> bool:
        """Whether the API server serves the resource (its CRD is installed)."""
        ...
