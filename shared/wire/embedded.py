"""Objects inside a Workflow: YAML texts in raw artifacts and resource templates, of which ChaosEngines are faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from shared.model.experiments import Fault, Problem
from shared.wire.documents import At, Flaw
from shared.wire.engines import DEFAULT_WEIGHT, Engine, weigh
from shared.wire.placeholders import Placeholders, parameters_of
from shared.wire.yaml import read_documents

_TEXTS: Final = (("raw", "data"), ("resource", "manifest"))
"""Where Argo takes a text from: a raw artifact, and the manifest that a resource template creates."""


def embedded(spec: At) -> Iterator[Fault | Problem]:
    """Yield the faults of a workflow's spec, and a doubt about each embedded text that cannot be read.

    A fault has the weight of the template that its engine is given to.
    """
    placeholders = parameters_of(spec.get("arguments"))
    weights: dict[str, int] = {}
    for template in spec.get("templates").items():
        weights[template.get("name").text()], doubts = weigh(template.get("metadata", "labels"))
        yield from doubts
    for at, weight in _texts(spec, DEFAULT_WEIGHT, weights):
        yield from _findings(at, weight, placeholders)


def _texts(at: At, weight: int, weights: Mapping[str, int]) -> Iterator[tuple[At, int]]:
    if isinstance(at.value, list):
        for item in at.items():
            yield from _texts(item, weight, weights)
    elif isinstance(at.value, dict):
        weight = _weight(at, weight, weights)
        for key, child in at.fields():
            if (at.path[-1], key) in _TEXTS and isinstance(child.value, str):
                yield child, weight
            else:
                yield from _texts(child, weight, weights)


def _weight(at: At, inherited: int, weights: Mapping[str, int]) -> int:
    """Return a template's own weight, a step's from the template that it calls, else what stands around it."""
    if at.path[-2:-1] == ("templates",):
        return weights[at.get("name").text()]
    if at.path[-1] == "inline" and at.get("metadata", "labels", "weight").value is not None:
        return weigh(at.get("metadata", "labels"))[0]
    called = at.value.get("template")
    return weights.get(called, inherited) if isinstance(called, str) else inherited


def _findings(at: At, weight: int, placeholders: Placeholders) -> Iterator[Fault | Problem]:
    text, placeholders = placeholders.guard(at.value)
    documents = read_documents(text.encode())
    if isinstance(documents, Problem):
        yield _inside(at, documents)
        return
    for root in (document.root for document in documents):
        if isinstance(root.value, dict) and root.value.get("kind") == "ChaosEngine":
            yield from _engine(at, Engine(root.get("spec"), root.get("metadata"), weight, placeholders))


def _engine(at: At, engine: Engine) -> Iterator[Fault | Problem]:
    try:
        for finding in engine.findings():
            yield _inside(at, finding) if isinstance(finding, Problem) else _placed(at, finding)
    except Flaw as flaw:
        yield _inside(at, flaw.problem)


def _inside(at: At, problem: Problem) -> Problem:
    found = at.problem(f"line {problem.line} of the embedded object: {problem.message}")
    line = at.inside(problem.line or 1)
    return found if line == found.line else msgspec.structs.replace(found, line=line, column=None)


def _placed(at: At, fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, lines={what: at.inside(line) for what, line in fault.lines.items()})
