"""What the API server itself does to an object between a client's body and what is stored."""

from __future__ import annotations

import copy
import secrets
import uuid
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import defaults, refusals
from infra.demo.kubernetes_api.documents import lookup, second, without_nulls
from infra.demo.kubernetes_api.storage import revision_of

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource

KEPT = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5
LONGEST_GENERATED = 63
FRONT = ("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")


def decoded(resource: Resource, body: Document, namespace: str, name: str) -> Document:
    """Return the body as an object of the resource with defaults filled in, or refuse what does not belong there."""
    _check_kind(resource, body)
    document: Document = {"kind": resource.kind, "apiVersion": resource.api_version} | copy.deepcopy(body)
    if not resource.custom:
        document = without_nulls(document)
    meta = without_nulls(document.get("metadata") or {})
    document["metadata"] = {key: value for key, value in meta.items() if key != "managedFields"}
    _check_place(document["metadata"], namespace, name)
    if not resource.custom:
        defaults.fill(document)
    return document


def _check_kind(resource: Resource, body: Document) -> None:
    if body.get("apiVersion", resource.api_version) != resource.api_version:
        given, expected = body["apiVersion"], resource.api_version
        raise refusals.bad_request(
            f"the API version in the data ({given}) does not match the expected API version ({expected})"
        )
    if body.get("kind", resource.kind) != resource.kind:
        raise refusals.bad_request(f"the kind in the data ({body['kind']}) does not match {resource.kind}")


def _check_place(meta: Document, namespace: str, name: str) -> None:
    if meta.get("namespace", namespace) != namespace:
        raise refusals.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if name and meta.get("name", name) != name:
        raise refusals.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )


def placed(resource: Resource, document: Document, namespace: str) -> Document:
    """Return a decoded object with the namespace of its path."""
    here = {"namespace": namespace} if resource.namespaced else {}
    return document | {"metadata": document["metadata"] | here}


def born(resource: Resource, document: Document) -> Document:
    """Return a decoded object as it begins: named, with uid, time, generation 1 and the first status.

    Refuses an object without a name.
    """
    if revision_of(document):
        raise refusals.version_at_birth()
    meta = document["metadata"] | {"name": _name(resource, document["metadata"])}
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": second()}
    meta.pop("generation", None)
    if resource.counted is not None:
        meta["generation"] = 1
    return _with_status(resource, document | {"metadata": _tidy(meta)})


def _name(resource: Resource, meta: Document) -> str:
    name = str(meta.get("name") or "")
    prefix = str(meta.get("generateName") or "")
    if not name and prefix:
        suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_LENGTH))
        name = prefix[: LONGEST_GENERATED - SUFFIX_LENGTH] + suffix
    if not name:
        raise refusals.invalid(resource, "", "metadata.name", "Required value: name or generateName is required")
    return name


def _tidy(meta: Document) -> Document:
    front = {key: meta[key] for key in FRONT if key in meta}
    empty = {"labels", "annotations", "finalizers", "ownerReferences"}
    return front | {key: value for key, value in meta.items() if value or key not in empty}


def _with_status(resource: Resource, document: Document) -> Document:
    if not resource.custom:
        return defaults.begun(document)
    return document if "status" not in resource.subresources else _without(document, "status")


def _without(document: Document, key: str) -> Document:
    return {name: value for name, value in document.items() if name != key}


def changed(resource: Resource, old: Document, new: Document, subresource: str = "") -> Document:
    """Return `new` as it would follow `old`: what the system owns kept, the generation counted."""
    result = _status_only(resource, old, new) if subresource == "status" else _kept_status(resource, old, new)
    meta = result["metadata"]
    kept = {key: old["metadata"][key] for key in KEPT if key in old["metadata"]}
    meta = {key: value for key, value in meta.items() if key not in {*KEPT, "generation"}} | kept
    meta |= {"resourceVersion": revision_of(old)} | _generation(resource, old, result, subresource)
    return result | {"metadata": _tidy(meta)}


def _generation(resource: Resource, old: Document, new: Document, subresource: str) -> Document:
    before = lookup(old, "metadata", "generation")
    if before is None:
        return {}
    moved = subresource != "status" and resource.counts(old) != resource.counts(new)
    return {"generation": before + moved}


def _kept_status(resource: Resource, old: Document, new: Document) -> Document:
    if "status" not in resource.subresources:
        return new
    result = _without(new, "status") | ({"status": old["status"]} if "status" in old else {})
    if resource.kind == "DaemonSet":
        _count_template(old, result)
    return result


def _count_template(old: Document, new: Document) -> None:
    before = lookup(old, "metadata", "annotations", defaults.TEMPLATE_GENERATION, default="1")
    moved = old["spec"]["template"] != new["spec"]["template"]
    annotations = new["metadata"].get("annotations", {}) | {defaults.TEMPLATE_GENERATION: str(int(before) + moved)}
    new["metadata"] = new["metadata"] | {"annotations": annotations}


def _status_only(resource: Resource, old: Document, new: Document) -> Document:
    meta = dict(old["metadata"])
    if not resource.custom and "annotations" in new["metadata"]:
        meta["annotations"] = new["metadata"]["annotations"]
    return old | {"metadata": meta} | ({"status": new["status"]} if "status" in new else {})


def ending(document: Document) -> Document:
    """Return an object that someone deleted while finalizers hold it."""
    meta = document["metadata"] | {"deletionTimestamp": second(), "deletionGracePeriodSeconds": 0}
    if "generation" in meta:
        meta["generation"] += 1
    return document | {"metadata": meta}


def is_released(document: Document) -> bool:
    """Say whether an object that someone deleted may now go."""
    meta = document["metadata"]
    return "deletionTimestamp" in meta and not meta.get("finalizers")
