"""What decisions read of a cluster and its project, and who may signal for it; cached for seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from shared.errors import Unauthenticated
from shared.model.calls import Call
from shared.model.changes import Side
from shared.model.heartbeats import Asked
from shared.model.policies import PolicyBook
from shared.model.projects import Cluster, GitOps, Project
from shared.model.records import Check, Key
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.digests import SENSITIVE, key_name, sealing_key, side
from shared.rules.keys import subscriber_key
from shared.rules.rotation import versions
from shared.rules.sealing import asked_of, sealed
from shared.services.keyring import Keyring
from shared.services.tables import CLUSTERS, POLICIES, PROJECTS, Table, Versioned, unchanged

T = TypeVar("T")
R = TypeVar("R")


class Cache:
    """Records by key for `seconds` each; at most `size` of them, and it starts over when it is full."""

    def __init__(self, seconds: float = 5.0, size: int = 10_000) -> None:
        self._seconds = seconds
        self._size = size
        self._kept: dict[Key, tuple[float, Versioned[Any]]] = {}

    def recall(self, key: Key, now: float) -> Versioned[Any] | None:
        """Return the record if it was read less than `seconds` before `now` (in seconds since 1970)."""
        at, found = self._kept.get(key, (0.0, None))
        return found if abs(now - at) < self._seconds else None

    def keep(self, found: Versioned[Any], now: float) -> None:
        """Remember a record that was read `now`."""
        if len(self._kept) >= self._size:
            self._kept.clear()
        self._kept[found.key] = (now, found)

    def drop(self, *records: Versioned[Any]) -> None:
        """Forget records that turned out to be old."""
        for record in records:
            self._kept.pop(record.key, None)


@dataclass(frozen=True, slots=True)
class Context:
    """A cluster with its project and policies, each as it was read; `gitops` is the project's, and enabled."""

    cluster: Versioned[Cluster]
    project: Versioned[Project]
    book: Versioned[PolicyBook]
    gitops: GitOps

    @property
    def checks(self) -> list[Check]:
        """The conditions under which a decision made from this still stands."""
        return [unchanged(self.cluster), unchanged(self.project), unchanged(self.book)]


@dataclass(frozen=True, slots=True)
class Watch:
    """Finds the context of a signal."""

    store: Store
    clock: Clock
    master: bytes
    cache: Cache = field(default_factory=Cache)

    @property
    def keyring(self) -> Keyring:
        """The secrets by which clusters prove themselves."""
        return Keyring(self.store, self.clock, self.master)

    def cluster(self, call: Call, purpose: str) -> Versioned[Cluster]:
        """Return the cluster of a call to `/…/{cluster}/{token}`; what is remembered may be from before a rotation.

        Raises `Unauthenticated` alike for an unknown cluster and a wrong token.
        """
        remembered = self.cache.recall(CLUSTERS.key(call.params["cluster"]), self.clock().timestamp())
        found = self._opened(call, purpose)
        if found is None and remembered:
            self.cache.drop(remembered)
            found = self._opened(call, purpose)
        if found is None:
            raise Unauthenticated("no such cluster, or not its token: register it and use the address that it answers")
        return found

    def _opened(self, call: Call, purpose: str) -> Versioned[Cluster] | None:
        name = call.params["cluster"]
        found = self._load(CLUSTERS, name)
        opens = self.keyring.opens(found.value if found else None, purpose, name, call.params["token"])
        return found if opens else None

    def recalls(self, cluster: str) -> bool:
        """Whether the store need not be asked who calls; in a grace, uses of secrets are noted there."""
        found = self.cache.recall(CLUSTERS.key(cluster), self.clock().timestamp())
        return found is not None and len(versions(found.value, self.clock())) == 1

    def registered(self, name: str) -> Versioned[Cluster] | None:
        """Return the cluster of this id, whose caller has proved itself by other means."""
        return self._load(CLUSTERS, name)

    def context(self, cluster: Versioned[Cluster]) -> Context | None:
        """Return the context of a cluster's signals; None while its project has GitOps turned off."""
        project = self._load(PROJECTS, cluster.value.project)
        gitops = _enabled(project)
        return Context(cluster, project, self._book(project.value.id), gitops) if project and gitops else None

    def context_of(self, name: str) -> Context | None:
        """Return the context of the cluster of this id; None also where there is none."""
        cluster = self.registered(name)
        return self.context(cluster) if cluster else None

    def listens(self, cluster: Cluster) -> bool:
        """Whether a cluster's signals are decided on: its project has GitOps turned on."""
        return _enabled(self._load(PROJECTS, cluster.project)) is not None

    def recalls_project(self, cluster: Cluster) -> bool:
        """Whether the store need not be asked whether it `listens`."""
        return self.cache.recall(PROJECTS.key(cluster.project), self.clock().timestamp()) is not None

    def renew(self, stale: Context) -> Context | None:
        """Return the context anew after a commit found that another version of it is stored."""
        self.cache.drop(stale.cluster, stale.project, stale.book)
        return self.context_of(stale.cluster.value.id)

    def seals(self, cluster: Cluster) -> tuple[bytes, ...]:
        """Return the keys that seal a cluster's sensitive values, newest first; its subscriber derives its own too."""
        return tuple(sealing_key(key) for key in self.keyring.signing(cluster))

    def seal(self, cluster: Cluster) -> bytes:
        """Return the key to seal with here: in a grace the oldest, since a subscriber that has it can prove that."""
        return self.seals(cluster)[-1]

    def sight(self, cluster: Cluster) -> Callable[[dict[str, Any]], Side]:
        """Return what makes a side of one of a cluster's objects, its sensitive values sealed."""
        key = self.seal(cluster)
        return lambda obj: side(obj, key)

    def covered(self, context: Context, seen: Side, name: str) -> Side:
        """Return a side sealed: under the key of this name if it counts for the cluster, else under the one to use.

        What was kept of a Secret before anything was rotated is under the key that the cluster was registered with.
        """
        cluster = context.cluster.value
        key = next((one for one in self.seals(cluster) if key_name(one) == name), self.seal(cluster))
        if seen.content.get("kind") in SENSITIVE and not seen.under:
            first = sealing_key(subscriber_key(self.master, cluster.id, cluster.registered_as))
            seen = msgspec.structs.replace(seen, under=key_name(first))
        return sealed(seen, key, self.asked(context))

    def asked(self, context: Context) -> Asked:
        """Return what policies want to know of a cluster's objects beyond their seals."""
        return asked_of(context.book.value.policies, context.cluster.value.id)

    def _book(self, project: str) -> Versioned[PolicyBook]:
        return self._cached(POLICIES.key(project), lambda: POLICIES.load_or(self.store, PolicyBook(), project))

    def _load(self, table: Table[T], name: str) -> Versioned[T] | None:
        return self._cached(table.key(name), lambda: table.load(self.store, name))

    def _cached(self, key: Key, read: Callable[[], R]) -> R:
        now = self.clock().timestamp()
        found: Any = self.cache.recall(key, now)
        if found is None:
            found = read()
            if found is not None:
                self.cache.keep(found, now)
        return found  # type: ignore[no-any-return]


def _enabled(project: Versioned[Project] | None) -> GitOps | None:
    gitops = project.value.gitops if project else None
    return gitops if gitops and gitops.enabled else None
