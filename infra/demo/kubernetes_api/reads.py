"""Get, list and watch, with selectors, pages and the history that a watch can begin from."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import refusals, scaling, selectors
from infra.demo.kubernetes_api.storage import HistoryGone, Key

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.calls import Call
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource
    from infra.demo.kubernetes_api.storage import Event, Listener, Storage


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects a list or watch is about."""

    resource: Resource
    namespace: str
    name: str
    labels: list[selectors.Requirement]
    fields: list[tuple[tuple[str, ...], str, bool]]

    @classmethod
    def of(cls, call: Call) -> Filter:
        """Read the selectors of a request, or refuse them."""
        labels = selectors.parse(call.text("labelSelector"))
        return cls(call.resource, call.namespace, call.name, labels, selectors.parse_fields(call.text("fieldSelector")))

    def takes(self, document: Document | None) -> bool:
        """Say whether an object of the resource is selected."""
        return (
            document is not None
            and selectors.select(document, self.labels)
            and selectors.select_fields(document, self.fields)
        )

    def seen(self, event: Event) -> Document | None:
        """Return a write as the watcher sees it: leaving the selection is DELETED, entering it ADDED."""
        if event.key.resource != self.resource.group_resource or self.namespace not in {"", event.key.namespace}:
            return None
        if self.name not in {"", event.key.name}:
            return None
        before, after = self.takes(event.before), self.takes(event.after)
        if after and event.after is not None:
            return {"type": "MODIFIED" if before else "ADDED", "object": versioned(self.resource, event.after)}
        return {"type": "DELETED", "object": versioned(self.resource, event.gone)} if before else None


def versioned(resource: Resource, document: Document) -> Document:
    """Return a stored object as the version that was asked for."""
    return document | {"apiVersion": resource.api_version}


@dataclass(frozen=True, slots=True)
class Reads:
    """The reading half of the API; each method answers an object or raises a refusal."""

    storage: Storage

    def get(self, call: Call) -> Document:
        """Return one object, or its scale."""
        found = self.storage.read(Key(call.resource.group_resource, call.namespace, call.name))
        if found is None:
            raise refusals.not_found(call.resource, call.name)
        return scaling.scale_of(found) if call.subresource == "scale" else versioned(call.resource, found)

    def select(self, call: Call) -> Document:
        """Return the selected objects of a collection, at most `limit` of them with a `continue` for the rest."""
        wanted = Filter.of(call)
        revision, found = self.storage.select(call.resource.group_resource, call.namespace)
        items = [_item(call.resource, one) for one in found if wanted.takes(one)]
        items, meta = _page(items, call)
        kind = call.resource.list_kind or f"{call.resource.kind}List"
        meta = {"resourceVersion": str(revision)} | meta
        return {"kind": kind, "apiVersion": call.resource.api_version, "metadata": meta, "items": items}

    def follow(self, call: Call, listener: Listener) -> list[Document]:
        """Begin a watch: return its first events and call `listener` for each later write.

        Without a resourceVersion, or with 0, the first events are all that exists, as ADDED.
        """
        since = call.text("resourceVersion")
        wanted = Filter.of(call)
        with self.storage.lock:
            if since in {"", "0"}:
                self.storage.follow(None, listener)
                return self._existing(wanted)
            past = self._past(_number(since), listener)
        return [seen for event in past if (seen := wanted.seen(event)) is not None]

    def _existing(self, wanted: Filter) -> list[Document]:
        _, found = self.storage.select(wanted.resource.group_resource, wanted.namespace)
        named = [one for one in found if wanted.name in {"", one["metadata"]["name"]} and wanted.takes(one)]
        return [{"type": "ADDED", "object": versioned(wanted.resource, one)} for one in named]

    def _past(self, since: int, listener: Listener) -> list[Event]:
        try:
            return self.storage.follow(since, listener)
        except HistoryGone as gone:
            raise refusals.expired(since, gone.oldest) from gone


def _item(resource: Resource, document: Document) -> Document:
    """Return an object as it stands in a list: those of built-in kinds do not repeat what the list says."""
    if resource.custom:
        return versioned(resource, document)
    return {key: value for key, value in document.items() if key not in {"kind", "apiVersion"}}


def _number(text: str) -> int:
    if not text.isdigit():
        raise refusals.bad_request(f"invalid resource version {text!r}")
    return int(text)


def _page(items: list[Document], call: Call) -> tuple[list[Document], Document]:
    start = _start(call.text("continue"))
    limit = _number(call.text("limit") or "0") or len(items)
    rest = len(items) - start - limit
    if rest <= 0:
        return items[start:], {}
    token = base64.urlsafe_b64encode(json.dumps({"start": start + limit}).encode()).decode()
    return items[start : start + limit], {"continue": token, "remainingItemCount": rest}


def _start(token: str) -> int:
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"]) if token else 0
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise refusals.bad_request("continue key is not valid") from error
