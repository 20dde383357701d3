"""Objects under one growing counter, written conditionally, with a bounded history to watch from."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from infra.demo.kubernetes_api.documents import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.demo.kubernetes_api.documents import Document

FIRST_REVISION = 100


@dataclass(frozen=True, slots=True)
class Key:
    """Where an object is: its resource (versions share objects), its namespace or "", its name."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """One write: `before` is None for a new object, `after` for one that is gone."""

    revision: int
    key: Key
    before: Document | None
    after: Document | None

    @property
    def gone(self) -> Document:
        """The object as it was last, with the revision of its end."""
        last = self.before or {}
        return last | {"metadata": last["metadata"] | {"resourceVersion": str(self.revision)}}


Listener: TypeAlias = "Callable[[Event | None], None]"


class StaleWrite(Exception):
    """The object is no longer at the expected resourceVersion, or is there where it was expected not to be."""


class HistoryGone(Exception):
    """The history does not reach back to the revision; `oldest` is the first from which it is whole."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history begins at {oldest}")
        self.oldest = oldest


def revision_of(document: Document | None) -> str:
    """Return the object's resourceVersion, "" where there is none."""
    return str(lookup(document, "metadata", "resourceVersion", default=""))


@dataclass
class Storage:
    """All objects; stored documents are never changed in place.

    Safe for threads; hold `lock` to read and follow in one step.
    """

    history: int = 1000
    lock: threading.RLock = field(default_factory=threading.RLock)
    _objects: dict[Key, Document] = field(default_factory=dict)
    _listeners: list[Listener] = field(default_factory=list)
    _revision: int = FIRST_REVISION

    def __post_init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=self.history)

    def read(self, key: Key) -> Document | None:
        """Return the object, or None."""
        with self.lock:
            return self._objects.get(key)

    def select(self, resource: str, namespace: str = "") -> tuple[int, list[Document]]:
        """Return the counter and the objects of a resource by namespace and name, in one namespace if it is named."""
        with self.lock:
            keys = [key for key in self._objects if key.resource == resource and namespace in {"", key.namespace}]
            found = [self._objects[key] for key in sorted(keys, key=lambda key: (key.namespace, key.name))]
            return self._revision, found

    def write(self, key: Key, document: Document | None, expected: str) -> Document:
        """Store the document, or remove the object if it is None, if it is at `expected` ("": not there).

        Returns what was stored, or removed, with its new resourceVersion. Raises StaleWrite.
        """
        with self.lock:
            before = self._objects.get(key)
            if revision_of(before) != expected:
                raise StaleWrite
            self._revision += 1
            event = Event(self._revision, key, before, self._stamped(document))
            self._keep(event)
            return event.after if event.after is not None else event.gone

    def remove_all(self, *, resource: str = "", namespace: str = "") -> None:
        """Remove what is of a resource, or in a namespace."""
        with self.lock:
            for key in [
                key for key in self._objects if resource in {"", key.resource} and namespace in {"", key.namespace}
            ]:
                self.write(key, None, revision_of(self._objects[key]))

    def _stamped(self, document: Document | None) -> Document | None:
        if document is None:
            return None
        return document | {"metadata": document["metadata"] | {"resourceVersion": str(self._revision)}}

    def _keep(self, event: Event) -> None:
        if event.after is None:
            del self._objects[event.key]
        else:
            self._objects[event.key] = event.after
        self._events.append(event)
        for listener in self._listeners:
            listener(event)

    def follow(self, since: int | None, listener: Listener) -> list[Event]:
        """Call `listener` for each write from now on, with None at the end; return those since a revision (None: none).

        Raises HistoryGone.
        """
        with self.lock:
            past = [] if since is None else self._since(since)
            self._listeners.append(listener)
            return past

    def _since(self, revision: int) -> list[Event]:
        oldest = self._revision - len(self._events)
        if revision < oldest:
            raise HistoryGone(oldest)
        return [event for event in self._events if event.revision > revision]

    def unfollow(self, listener: Listener) -> None:
        """Call it no more."""
        with self.lock:
            self._listeners.remove(listener)

    def end_following(self) -> None:
        """Tell every listener that no more will come."""
        with self.lock:
            for listener in self._listeners:
                listener(None)
