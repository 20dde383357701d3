"""An object's metadata as Kubernetes requires it, and the labels and annotations by which Litmus knows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, get_args

from shared.model.experiments import Problem
from shared.model.projects import RUN_ON_PUSH, RunOnPush
from shared.wire.documents import At

WORKFLOW_ID: Final = "workflow_id"
INFRA_ID: Final = "infra_id"

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAMESPACE: Final = re.compile(_LABEL, re.ASCII)
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?", re.ASCII)
_NAME_BYTES: Final = 253
_LABEL_BYTES: Final = 63


def name_of(metadata: At) -> str:
    """Return the name, else the generateName: DNS-1123 subdomains (Kubernetes, "Object Names and IDs")."""
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if not name.text() and not prefix.text():
        raise metadata.flaw("metadata has no name; give it metadata.name or metadata.generateName")
    at, whole = (name, name.text()) if name.text() else (prefix, prefix.text() + "0")
    if len(whole) > _NAME_BYTES or not _NAME.fullmatch(whole):
        raise at.flaw(f"{at.where} is {at.text()[:60]!r}; use lower case letters, digits, '-' and '.', at most 253")
    return at.text()


def namespace_of(metadata: At) -> str | None:
    """Return the namespace, a DNS-1123 label, or None."""
    at = metadata.get("namespace")
    if at.text() and (len(at.text()) > _LABEL_BYTES or not _NAMESPACE.fullmatch(at.text())):
        raise at.flaw(f"{at.where} is {at.text()[:60]!r}; use lower case letters, digits and '-', at most 63")
    return at.text() or None


def identity_of(*labels: At) -> str | None:
    """Return the first `workflow_id`, None where there is none; it names records, so it must be a label's value."""
    for at in (at.get(WORKFLOW_ID) for at in labels):
        if at.text() and not _is_label_value(at.text()):
            raise at.flaw(f"{WORKFLOW_ID} is {at.text()[:60]!r}; use letters, digits, '-', '_' and '.', at most 63")
    return first(WORKFLOW_ID, *labels)


def first(key: str, *labels: At) -> str | None:
    """Return the first value of a label that is not empty."""
    return next((at.get(key).text() for at in labels if at.get(key).text()), None)


def lines_of(metadata: At, made: At) -> dict[str, int]:
    """Return the lines of both labels that Litmus knows an experiment by, and of every annotation."""
    labels = ((key, at.get(key)) for key in (WORKFLOW_ID, INFRA_ID) for at in (made, metadata.get("labels")))
    named = [(key, at) for key, at in labels if at.value is not None]
    return {key: at.line for key, at in (*named, *metadata.get("annotations").fields())}


def doubts(metadata: At) -> Iterator[Problem]:
    """Yield what Kubernetes would refuse, or we would not heed, of labels and annotations."""
    for key, at in metadata.get("labels").fields():
        if not _is_label_value(at.text()):
            yield at.problem(f"the label {key[:60]} is {at.text()[:60]!r}, which Kubernetes refuses; shorten it")
    push = metadata.get("annotations", RUN_ON_PUSH)
    if push.value is not None and push.text() not in get_args(RunOnPush):
        yield push.problem(f"{RUN_ON_PUSH} is {push.text()[:60]!r} and counts as never; write never, new or changed")


def _is_label_value(text: str) -> bool:
    return len(text) <= _LABEL_BYTES and bool(_LABEL_VALUE.fullmatch(text))
