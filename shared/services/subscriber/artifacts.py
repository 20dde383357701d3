"""The YAML texts inside a Workflow: which objects they hold, and engines in them given labels without other changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Invalid
from shared.model.experiments import Problem
from shared.wire.documents import Document
from shared.wire.placeholders import Placeholders
from shared.wire.yaml import read_documents, read_yaml

Json = dict[str, Any]
_TEXTS = {"raw": "data", "resource": "manifest"}


def parsed(text: str) -> Json:
    """Return a manifest's value: `Invalid` names what is wrong and where."""
    document = read_yaml(text.encode())
    if isinstance(document, Problem):
        raise Invalid(f"the manifest cannot be read: {_told(document)}")
    if not isinstance(document.value, dict):
        raise Invalid("the manifest is no mapping")
    return document.value


def embedded(body: Mapping[str, Any]) -> list[Json]:
    """Return the objects in a Workflow's or CronWorkflow's texts, the workflow's own parameters filled in.

    A text that is no YAML holds none.
    """
    spec = body["spec"].get("workflowSpec") or body["spec"]
    given = (spec.get("arguments") or {}).get("parameters") or ()
    parameters = {one["name"]: str(one["value"]) for one in given if one.get("value") is not None}
    return [one for text in _texts(spec.get("templates")) for one in _objects(text, parameters)]


def labelled(text: str, labels: Mapping[str, str]) -> str:
    """Return the text with these labels on each ChaosEngine in it; everything else, `{{…}}` included, stays.

    A text that cannot be changed line by line (one in flow style) is written anew as JSON, which is YAML,
    indented so that no two of its own braces touch.
    """
    if "ChaosEngine" not in text:
        return text
    guarded, back = Placeholders().guard(text)
    documents = _read(guarded)
    if not any(_is_engine(one) for one in documents):
        return text
    wanted = [back_filled(_wanted(one, labels), back) for one in documents]
    spliced = _spliced(guarded, documents, labels)
    again = read_documents(spliced.encode())
    if isinstance(again, Problem) or [back_filled(one.value, back) for one in again] != wanted:
        return "\n---\n".join(json.dumps(value, ensure_ascii=False, indent=1) for value in wanted)
    return back.fill(spliced)


def back_filled(value: Any, back: Placeholders) -> Any:
    """Return a value of a guarded text with the placeholders back in all its strings."""
    if isinstance(value, dict):
        return {back.fill(key): back_filled(item, back) for key, item in value.items()}
    if isinstance(value, list):
        return [back_filled(item, back) for item in value]
    return back.fill(value) if isinstance(value, str) else value


def _told(problem: Problem) -> str:
    return f"line {problem.line}: {problem.message}" if problem.line else problem.message


def _read(guarded: str) -> list[Document]:
    documents = read_documents(guarded.encode())
    if isinstance(documents, Problem):
        raise Invalid(f"an embedded ChaosEngine cannot be read: {_told(documents)}")
    return documents


def _objects(text: str, parameters: dict[str, str]) -> list[Json]:
    guarded, back = Placeholders(parameters).guard(text)
    documents = read_documents(guarded.encode())
    if isinstance(documents, Problem):
        return []
    return [back_filled(one.value, back) for one in documents if isinstance(one.value, dict)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, child in value.items():
            text = child.get(_TEXTS.get(key)) if isinstance(child, dict) else None
            yield from [text] if isinstance(text, str) else _texts(child)


def _is_engine(document: Document) -> bool:
    return isinstance(document.value, dict) and document.value.get("kind") == "ChaosEngine"


def _wanted(document: Document, labels: Mapping[str, str]) -> Any:
    value = copy.deepcopy(document.value)
    if _is_engine(document):
        metadata = value["metadata"] = value.get("metadata") or {}
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return value


def _spliced(guarded: str, documents: list[Document], labels: Mapping[str, str]) -> str:
    """Change the lines of each engine's labels, from the last document to the first, so that line numbers hold."""
    lines = guarded.split("\n")
    for document in reversed(documents):
        if _is_engine(document):
            _splice(lines, document, labels)
    return "\n".join(lines)


def _splice(lines: list[str], document: Document, labels: Mapping[str, str]) -> None:
    metadata = document.value.get("metadata")
    if not isinstance(metadata, dict) or not metadata:
        return
    present = metadata.get("labels")
    if isinstance(present, dict) and present:
        _merge(lines, document, present, labels)
        return
    line, column = document.mark("metadata", "labels" if "labels" in metadata else next(iter(metadata)))
    indent = " " * (column - 1)
    added = [f"{indent}labels:", *(f"{indent}  {name}: {json.dumps(value)}" for name, value in labels.items())]
    lines[line - 1 : line if "labels" in metadata else line - 1] = added


def _merge(lines: list[str], document: Document, present: Json, labels: Mapping[str, str]) -> None:
    places = {name: document.mark("metadata", "labels", name) for name in present}
    first, column = min(places.values())
    for name, value in labels.items():
        written = f"{' ' * (column - 1)}{name}: {json.dumps(value)}"
        if name in places:
            lines[places[name][0] - 1] = written
        else:
            lines.insert(first - 1, written)
            places = {key: (line + 1, at) for key, (line, at) in places.items()}
