"""Event tracker policies (eventtracker.litmuschaos.io/v1): Litmus' conditions, and what else a policy may say.

What the stock CRD would prune may stand in annotations `litmuschaos.io/policy-<name>` as well, as JSON, or as a comma
separated list; what spec says wins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, cast, get_args

from shared.errors import Invalid
from shared.model.durations import seconds
from shared.model.experiments import Problem
from shared.model.policies import Condition, Operator, Policy, Selector
from shared.model.projects import Window
from shared.wire.documents import At, Document, Flaw
from shared.wire.keys import check_key
from shared.wire.metadata import name_of
from shared.wire.schedules import check_fields, check_zone
from shared.wire.yaml import read_yaml

KIND: Final = "EventTrackerPolicy"
API_VERSION: Final = "eventtracker.litmuschaos.io/v1"
ANNOTATION: Final = "litmuschaos.io/policy-"

MOST_CONDITIONS: Final = 50

_EXTRAS: Final = ("selector", "experiments", "operations", "cooldown", "windows", "wait", "autoscalers")
_SPEC: Final = ("condition_type", "conditions", *_EXTRAS)
_CONDITION: Final = ("key", "operator", "value")
_SELECTOR: Final = ("clusters", "namespaces", "kinds", "labels")
_WINDOW: Final = ("cron", "duration", "time_zone")
_TYPES: Final = ("and", "or")
_OPERATORS: Final = get_args(Operator)
_OPERATIONS: Final = ("CREATE", "UPDATE")


def read_policy(document: Document) -> Policy | Problem:
    """Return the policy, or the first thing that makes it unusable."""
    try:
        return _policy(document.root)
    except Flaw as flaw:
        return flaw.problem


def _policy(root: At) -> Policy:
    version, spec = root.get("apiVersion"), root.get("spec")
    if version.text() != API_VERSION:
        raise version.flaw(f"{KIND} has apiVersion {version.text()[:60]!r}; write {API_VERSION}")
    name = name_of(root.get("metadata"))
    _only(spec, _SPEC)
    extras = _extras(root)
    conditions = tuple(_condition(at) for at in _bounded(spec.get("conditions")))
    if not conditions and all(at.value is None for at in extras.values()):
        raise spec.flaw("the policy says nothing; give it conditions, or a selector to watch every change of")
    return Policy(
        name=name,
        condition_type=_one_of(spec.get("condition_type"), _TYPES, "and"),
        conditions=conditions,
        selector=_selector(extras["selector"]),
        experiments=_listed(extras["experiments"]),
        operations=_operations(extras["operations"]),
        autoscalers=_flag(extras["autoscalers"]),
        cooldown=_duration(extras["cooldown"]),
        windows=tuple(_window(at) for at in extras["windows"].items()),
        wait=_duration(extras["wait"]),
    )


def _extras(root: At) -> dict[str, At]:
    annotations = root.get("metadata", "annotations")
    for key, at in annotations.fields():
        if key.startswith(ANNOTATION) and key.removeprefix(ANNOTATION) not in _EXTRAS:
            raise at.flaw(f"{key[:60]} is no annotation of a policy; there are {', '.join(_EXTRAS)} after {ANNOTATION}")
    return {name: _extra(root.get("spec", name), annotations.get(ANNOTATION + name)) for name in _EXTRAS}


def _extra(at: At, annotation: At) -> At:
    if at.value is not None or not annotation.text():
        return at
    read = read_yaml(annotation.text().encode())
    if isinstance(read, Problem):
        raise annotation.flaw(f"{annotation.path[-1]} cannot be read: {read.message}")
    return At(annotation.document, read.value, annotation.path)


def _bounded(conditions: At) -> list[At]:
    if len(conditions.items()) > MOST_CONDITIONS:
        raise conditions.flaw(f"over {MOST_CONDITIONS} conditions; write several policies")
    return conditions.items()


def _condition(at: At) -> Condition:
    _only(at, _CONDITION)
    operator = _one_of(at.get("operator"), _OPERATORS, None)
    value = at.get("value")
    if value.value is None and operator != "Change":
        raise at.flaw(f"{at.where} has no value; {operator} compares the key with one")
    if not at.get("key").text():
        raise at.flaw(f"{at.where} has no key; name a field by JMESPath, such as spec.replicas")
    _check(at.get("key"), check_key)
    return Condition(at.get("key").text(), operator, None if value.value is None else value.word())


def _selector(at: At) -> Selector:
    _only(at, _SELECTOR)
    labels = {key: label.word() for key, label in at.get("labels").fields()}
    return Selector(_listed(at.get("clusters")), _listed(at.get("namespaces")), _listed(at.get("kinds")), labels)


def _window(at: At) -> Window:
    _only(at, _WINDOW)
    _check(at.get("cron"), check_fields)
    _check(at.get("duration"), seconds)
    if at.get("time_zone").text():
        _check(at.get("time_zone"), check_zone)
    return Window(at.get("cron").text(), at.get("duration").text(), at.get("time_zone").text() or "UTC")


def _operations(at: At) -> tuple[Literal["CREATE", "UPDATE"], ...]:
    """Read the operations; a deleted workload leaves nothing to break, so DELETE is none."""
    named = _listed(at) or ("UPDATE",)
    if not set(named) <= set(_OPERATIONS):
        raise at.flaw(f"{at.where} names {', '.join(named)[:60]}; there are CREATE and UPDATE")
    return cast("tuple[Literal['CREATE', 'UPDATE'], ...]", named)


def _listed(at: At) -> tuple[str, ...]:
    """Read a list of names, or names in one text with commas between."""
    named = [item.word() for item in at.items()] if isinstance(at.value, list) else at.word().split(",")
    return tuple(dict.fromkeys(name.strip() for name in named if name.strip()))


def _flag(at: At) -> bool:
    if at.value not in (None, True, False, "true", "false"):
        raise at.flaw(f"{at.where} must be true or false")
    return at.value in (True, "true")


def _duration(at: At) -> str | None:
    if at.value is None:
        return None
    _check(at, seconds)
    return at.word()


def _check(at: At, check: Callable[[str], object]) -> None:
    try:
        check(at.word())
    except Invalid as error:
        raise at.flaw(f"{at.where}: {error}") from error


def _one_of(at: At, words: tuple[str, ...], default: str | None) -> Any:
    found = at.text() or default
    if found not in words:
        raise at.flaw(f"{at.where} is {at.text()[:60]!r}; write one of {', '.join(words)}")
    return found


def _only(at: At, known: tuple[str, ...]) -> None:
    for key, field in at.fields():
        if key not in known:
            raise field.flaw(f"{field.where[:80]} is not known; there are {', '.join(known)}")
