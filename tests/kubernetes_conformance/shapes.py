"""The structure of a payload without its values, to hold what is sent against what was recorded."""

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "deliveries"
SET_BY_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace")


def recorded(name: str) -> Any:
    """One payload of a real kube-apiserver 1.36."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """Keys for a map, shapes for a list, the type's name for the rest."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def as_sent(document: dict[str, Any]) -> Any:
    """A recorded object as a client would have sent it."""
    meta = {key: value for key, value in document["metadata"].items() if key not in SET_BY_THE_SERVER}
    return {key: value for key, value in document.items() if key != "status"} | {"metadata": meta}


def without_history(request: dict[str, Any]) -> dict[str, Any]:
    """A review's request without what tells of earlier writes: managed fields and status."""
    sides = {side: _without_history(request[side]) for side in ("object", "oldObject")}
    return request | sides


def _without_history(document: dict[str, Any] | None) -> dict[str, Any] | None:
    if document is None or document["kind"] == "Scale":
        return document
    meta = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {key: value for key, value in document.items() if key != "status"} | {"metadata": meta}
