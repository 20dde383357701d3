"""The three plain patch types: JSON merge patch (RFC 7396), JSON patch (RFC 6902), strategic merge patch."""

from __future__ import annotations

import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from infra.demo.kubernetes_api import refusals
from infra.demo.kubernetes_api.lists import STRATEGIC_KEY

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def patched(document: Document, patch: Any, media_type: str, *, custom: bool) -> Document:
    """Return the document with the patch applied, or refuse the media type or a patch that does not fit."""
    if media_type == MERGE:
        return dict(_merged(document, _mapping(patch)))
    if media_type == STRATEGIC and not custom:
        return dict(_strategic(document, _mapping(patch), ""))
    if media_type == JSON:
        return _operated(document, patch)
    raise refusals.unsupported()


def _mapping(patch: Any) -> Document:
    if not isinstance(patch, dict):
        raise refusals.bad_request("a merge patch must be a JSON object")
    return patch


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _strategic(target: Any, patch: Any, name: str) -> Any:
    if isinstance(patch, list) and name in STRATEGIC_KEY:
        return _strategic_items(target or [], patch, STRATEGIC_KEY[name])
    if isinstance(patch, list) and name == "finalizers":
        return list(dict.fromkeys([*(target or []), *patch]))
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    return _strategic_map(target, patch)


def _strategic_map(target: Any, patch: Document) -> Document:
    directive = patch.get("$patch")
    result = dict(target) if isinstance(target, dict) and directive != "replace" else {}
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(result, key, value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _strategic(result.get(key), value, key)
    return result


def _direct(result: Document, key: str, value: Any) -> None:
    kind, _, name = key.partition("/")
    if kind == "$retainKeys":
        for absent in result.keys() - set(value):
            del result[absent]
    elif kind == "$deleteFromPrimitiveList":
        result[name] = [item for item in result.get(name, []) if item not in value]
    elif kind == "$setElementOrder" and name in STRATEGIC_KEY and name in result:
        result[name] = _ordered(result[name], value, STRATEGIC_KEY[name])


def _ordered(items: list[Document], order: list[Document], key: str) -> list[Document]:
    places = {one[key]: place for place, one in enumerate(order)}
    return sorted(items, key=lambda item: places.get(item.get(key), len(places)))


def _strategic_items(target: list[Document], patch: list[Document], key: str) -> list[Document]:
    replaces = {"$patch": "replace"} in patch
    there = {} if replaces else {item.get(key): item for item in target}
    for item in (item for item in patch if item != {"$patch": "replace"}):
        name = item.get(key)
        if item.get("$patch") == "delete":
            there.pop(name, None)
        else:
            there[name] = _strategic_map(there.get(name), item)
    return list(there.values())


def _operated(document: Document, operations: Any) -> Document:
    if not isinstance(operations, list):
        raise refusals.bad_request("a JSON patch must be a list of operations")
    result = copy.deepcopy(document)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise _unfit(operation, error) from error
    return result


def _unfit(operation: Any, error: Exception) -> refusals.Refusal:
    message = f"the server rejected our request due to an error in our request: {operation} ({error!r})"
    return refusals.Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, {})


def _operate(document: Document, operation: Document) -> Document:
    kind = operation["op"]
    path = _steps(operation["path"])
    if kind == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError("test failed")
        return document
    if kind in {"move", "copy"}:
        source = _steps(operation["from"])
        operation = {"value": copy.deepcopy(_at(document, source))}
        if kind == "move":
            _remove(document, source)
    if kind in {"remove", "replace"}:
        _remove(document, path)
    if kind != "remove":
        _add(document, path, operation["value"])
    return document


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _remove(document: Any, path: list[str]) -> None:
    holder = _at(document, path[:-1])
    del holder[int(path[-1]) if isinstance(holder, list) else path[-1]]


def _add(document: Any, path: list[str], value: Any) -> None:
    holder = _at(document, path[:-1])
    if isinstance(holder, list):
        holder.insert(len(holder) if path[-1] == "-" else int(path[-1]), value)
    else:
        holder[path[-1]] = value
