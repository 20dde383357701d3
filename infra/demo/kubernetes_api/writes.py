"""Create, update, patch, apply and delete: decode, prepare, ask admission, store."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import lifecycle, ownership, patches, refusals, scaling
from infra.demo.kubernetes_api.applying import apply
from infra.demo.kubernetes_api.documents import lookup
from infra.demo.kubernetes_api.resources import EXTENSIONS
from infra.demo.kubernetes_api.reviews import Attempt
from infra.demo.kubernetes_api.storage import Key, StaleWrite, revision_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.demo.kubernetes_api.admission import Admission
    from infra.demo.kubernetes_api.audit import Trail
    from infra.demo.kubernetes_api.calls import Call
    from infra.demo.kubernetes_api.catalogue import Catalogue
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.storage import Storage

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Writes:
    """The writing half of the API; each method answers (HTTP code, object) or raises a refusal."""

    storage: Storage
    catalogue: Catalogue
    admission: Admission

    def create(self, call: Call, trail: Trail) -> tuple[int, Document]:
        """Store a new object."""
        wanted = lifecycle.decoded(call.resource, call.document(), call.namespace, call.name)
        trail.request_object = wanted
        born = lifecycle.born(call.resource, lifecycle.placed(call.resource, wanted, call.namespace))
        born["metadata"]["managedFields"] = self._updated(call, None, born)
        return HTTPStatus.CREATED, self._insert(call, born)

    def _insert(self, call: Call, born: Document) -> Document:
        name = born["metadata"]["name"]
        self._check_namespace(call)
        if self.storage.read(_key(call, name)) is not None:
            raise refusals.already_exists(call.resource, name)
        self.admission.check(Attempt(call, "CREATE", born, None))
        try:
            return self._stored(call, born, None)
        except StaleWrite as error:
            raise refusals.already_exists(call.resource, name) from error

    def _check_namespace(self, call: Call) -> None:
        if call.namespace and self.storage.read(Key("namespaces", "", call.namespace)) is None:
            raise refusals.not_found(self.catalogue.find("", "v1", "namespaces"), call.namespace)

    def update(self, call: Call, trail: Trail) -> tuple[int, Document]:
        """Replace an object, or its status, or its scale."""
        body = trail.request_object = call.document()
        if call.subresource != "scale":
            body = trail.request_object = lifecycle.decoded(call.resource, body, call.namespace, call.name)
            self._check_conditional(call, body)
        return self._change(call, lambda _: copy.deepcopy(body))

    def _check_conditional(self, call: Call, document: Document) -> None:
        if not revision_of(document) and not call.resource.unconditional_update:
            why = "Invalid value: 0: must be specified for an update"
            raise refusals.invalid(call.resource, call.name, "metadata.resourceVersion", why)

    def patch(self, call: Call, trail: Trail) -> tuple[int, Document]:
        """Change an object by a patch, or apply it (which creates it where there is none)."""
        patch = trail.request_object = call.content()
        if call.applies:
            return self._apply(call)

        def patched(old: Document) -> Document:
            return patches.patched(old, patch, call.envelope.media_type, custom=call.resource.custom)

        return self._change(call, patched)

    def _apply(self, call: Call) -> tuple[int, Document]:
        wanted = call.document()
        if not call.text("fieldManager"):
            why = "Required value: is required for apply patch"
            raise refusals.invalid(call.resource, call.name, "fieldManager", why)

        def applied(old: Document | None) -> Document:
            return apply(old, wanted, self._manager(call), force=call.flag("force"), custom=call.resource.custom)

        if self.storage.read(_key(call, call.name)) is not None:
            return self._change(call, applied)
        first = applied(None)
        wanted = lifecycle.decoded(call.resource, first, call.namespace, call.name)
        born = lifecycle.born(call.resource, lifecycle.placed(call.resource, wanted, call.namespace))
        born["metadata"]["managedFields"] = first["metadata"]["managedFields"]
        return HTTPStatus.CREATED, self._insert(call, born)

    def delete(self, call: Call, trail: Trail) -> tuple[int, Document]:
        """Remove an object, or mark it while finalizers hold it; a namespace goes with all that is in it."""
        options = call.document() if call.envelope.body else {}
        trail.request_object = {**options, "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal"}

        def attempt(old: Document) -> Document:
            _check_preconditions(call, old, options)
            self.admission.check(Attempt(call, "DELETE", None, old))
            if lookup(old, "metadata", "finalizers"):
                return self._stored(call, lifecycle.ending(old), old)
            self._stored(call, None, old)
            return _deleted(call, old)

        return HTTPStatus.OK, self._attempted(call, attempt)

    def _read(self, call: Call) -> Document:
        found = self.storage.read(_key(call, call.name))
        if found is None:
            raise refusals.not_found(call.resource, call.name)
        return found

    def _change(self, call: Call, make: Callable[[Document], Document]) -> tuple[int, Document]:
        def attempt(old: Document) -> Document:
            new = self._prepared(call, old, make)
            self.admission.check(Attempt(call, "UPDATE", new, old))
            if new == old:
                return _shown(call, old)
            return _shown(call, self._stored(call, None if lifecycle.is_released(new) else new, old))

        return HTTPStatus.OK, self._attempted(call, attempt)

    def _attempted(self, call: Call, attempt: Callable[[Document], Document]) -> Document:
        """Attempt a write on the object as it is now, again where someone else was faster."""
        for _ in range(ATTEMPTS):
            try:
                return attempt(self._read(call))
            except StaleWrite:
                continue
        raise refusals.stale(call.resource, call.name)

    def _prepared(self, call: Call, old: Document, make: Callable[[Document], Document]) -> Document:
        made = scaling.scaled(old, make(scaling.scale_of(old))) if call.subresource == "scale" else make(old)
        applied = lookup(made, "metadata", "managedFields")
        _check_same(call, old, made)
        wanted = lifecycle.decoded(call.resource, made, call.namespace, call.name)
        new = lifecycle.changed(call.resource, old, wanted, call.subresource)
        new["metadata"]["managedFields"] = applied if call.applies else self._updated(call, old, new)
        return new

    def _updated(self, call: Call, old: Document | None, new: Document) -> list[Document]:
        apart = "status" in call.resource.subresources
        return ownership.after_update(old, new, self._manager(call), custom=call.resource.custom, status_apart=apart)

    def _manager(self, call: Call) -> ownership.Manager:
        operation = "Apply" if call.applies else "Update"
        return ownership.Manager(call.manager, operation, call.resource.api_version, call.subresource)

    def _stored(self, call: Call, new: Document | None, old: Document | None) -> Document:
        if call.dry_run:
            return new or {}
        name = (new or old or {})["metadata"]["name"]
        stored = self.storage.write(_key(call, name), new, revision_of(old))
        self._follow_up(call, stored, gone=new is None)
        return stored

    def _follow_up(self, call: Call, stored: Document, *, gone: bool) -> None:
        """Do what a definition or a namespace means for others; in a cluster the namespace controller does a part."""
        name = stored["metadata"]["name"]
        if call.resource.group == EXTENSIONS and not gone:
            self.catalogue.define(stored)
        elif call.resource.group == EXTENSIONS:
            self.catalogue.undefine(stored)
            self.storage.remove_all(resource=name)
        elif call.resource.plural == "namespaces" and gone:
            self.storage.remove_all(namespace=name)


def _key(call: Call, name: str) -> Key:
    return Key(call.resource.group_resource, call.namespace, name)


def _shown(call: Call, document: Document) -> Document:
    return scaling.scale_of(document) if call.subresource == "scale" else document


def _check_same(call: Call, old: Document, made: Document) -> None:
    revision, uid = revision_of(made), lookup(made, "metadata", "uid")
    if revision and revision != revision_of(old):
        raise refusals.stale(call.resource, call.name)
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise refusals.conflict(call.resource, call.name, why)


def _check_preconditions(call: Call, old: Document, options: Document) -> None:
    for field, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted, found = lookup(options, "preconditions", field), old["metadata"][field]
        if wanted and wanted != found:
            why = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found})"
            raise refusals.conflict(
                call.resource, call.name, f"{why}. The object might have been deleted and then recreated"
            )


def _deleted(call: Call, old: Document) -> Document:
    details = refusals.about(call.resource, call.name) | {"uid": old["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
