"""Match conditions (CEL): the API server evaluates them itself, and calls only for what can matter.

A condition that fails to evaluate keeps a change away (`failurePolicy: Ignore`), so each asks `has` before it reads.
Source: the API server's library of CEL, and reviews recorded from one.
"""

from __future__ import annotations

import json
from typing import Final

from infra.kubernetes.kinds import Kind
from infra.kubernetes.options import NAME, Watched
from shared.model.changes import COMMIT, EXPERIMENT_ID, GITOPS, WORKFLOW
from shared.rules.autoscalers import AUTOSCALERS
from shared.services.subscriber.surroundings import NAMED_WORKLOAD

Condition = dict[str, str]

_OURS: Final = (GITOPS, WORKFLOW, EXPERIMENT_ID, COMMIT, NAMED_WORKLOAD)
_METADATA: Final = tuple(f"metadata.{name}" for name in ("labels", "annotations", "ownerReferences", "finalizers"))
_OUTSIDE: Final = ("apiVersion", "kind", "metadata", "status")


def of_objects(kind: Kind, watched: Watched, namespace: str) -> list[Condition]:
    """Return the conditions on reviews of whole objects."""
    return [
        _condition("is-watched", _watched()),
        _condition("is-a-change", _changed(kind, metadata=watched.metadata)),
        *_of_anyone(watched, namespace),
    ]


def of_scales(watched: Watched, namespace: str) -> list[Condition]:
    """Return the conditions on reviews of a `Scale`, which has no annotations and leaves zero replicas out."""
    changed = f"{_replicas('object')} != {_replicas('oldObject')}"
    return [_condition("is-a-change", changed), *_of_anyone(watched, namespace)]


def _of_anyone(watched: Watched, namespace: str) -> list[Condition]:
    ourselves = f"system:serviceaccount:{namespace}:{NAME}"
    found = [
        _condition("is-no-dry-run", "!has(request.dryRun) || request.dryRun == false"),
        _condition("is-not-ours", f"request.userInfo.username != {_text(ourselves)}"),
    ]
    return found if watched.autoscalers else [*found, _condition("is-no-autoscaler", _unscaled())]


def _condition(name: str, expression: str) -> Condition:
    return {"name": name, "expression": expression}


def _watched() -> str:
    key = _text(GITOPS)
    annotated = f"has(o.metadata.annotations) && {key} in o.metadata.annotations"
    return f"[object, oldObject].exists(o, o != null && {annotated} && o.metadata.annotations[{key}] == 'true')"


def _changed(kind: Kind, *, metadata: bool) -> str:
    content = [_differs(name) for name in kind.content] or [_anything()]
    besides = [_differs(name) for name in _METADATA] if metadata else [_ours()]
    return " || ".join(["request.operation != 'UPDATE'", *content, *besides])


def _differs(path: str) -> str:
    return f"{_or_null('object', path)} != {_or_null('oldObject', path)}"


def _or_null(side: str, path: str) -> str:
    return f"(has({side}.{path}) ? {side}.{path} : null)"


def _anything() -> str:
    """Return that a field outside metadata and status is new, gone or another."""
    inside = f"!(k in {_list(_OUTSIDE)})"
    moved = f"object.exists(k, {inside} && !(k in oldObject && object[k] == oldObject[k]))"
    return f"{moved} || oldObject.exists(k, {inside} && !(k in object))"


def _ours() -> str:
    """Return that one of our annotations differs: what is tracked of a workload must know of it."""
    return f"{_list(_OURS)}.exists(k, {_annotation('object')} != {_annotation('oldObject')})"


def _annotation(side: str) -> str:
    found = f"{side}.metadata.annotations"
    return f"(has({found}) && k in {found} ? {found}[k] : '')"


def _replicas(side: str) -> str:
    return f"(has({side}.spec) && has({side}.spec.replicas) ? {side}.spec.replicas : 0)"


def _unscaled() -> str:
    """Return that no autoscaler makes the update; where one deletes, the workload is gone all the same."""
    names = "|".join(name.replace(".", "[.]").replace("*", ".*") for name in AUTOSCALERS)
    return f"request.operation != 'UPDATE' || !request.userInfo.username.matches({_text(f'^({names})$')})"


def _list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, names))}]"


def _text(value: str) -> str:
    """Return a string of CEL, whose escapes are those of JSON."""
    return "'" + json.dumps(value)[1:-1].replace("'", "\\'") + "'"
