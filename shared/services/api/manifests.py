"""Manifests on their way in and out of the API: YAML or JSON, as headers say, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from shared.errors import Invalid
from shared.model.calls import Call
from shared.model.experiments import Manifest, Problem
from shared.model.policies import Policy
from shared.services.api.operations import JSON, YAML
from shared.wire.writing import manifest_text


def is_json(call: Call) -> bool:
    """Whether the body is JSON: `Content-Type` says so, or says nothing of use and the body begins as an object."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media == JSON or (media not in YAML and call.body.lstrip()[:1] == b"{")


def written(call: Call) -> bytes:
    """Return the file to write: YAML as it came, or a JSON manifest written as YAML."""
    return manifest_text(call.body) if is_json(call) else call.body


@contextmanager
def placeless(call: Call) -> Iterator[None]:
    """Say nothing of lines and columns where the caller sent JSON: the YAML that they are of was never seen."""
    try:
        yield
    except Invalid as error:
        if is_json(call):
            raise Invalid(str(error), _unplaced(error.problems)) from error
        raise


def judged(found: Manifest | Policy | Problem, *, places: bool) -> dict[str, Any]:
    """Return what `validate` answers of a file."""
    problem = found if isinstance(found, Problem) else found.problem if isinstance(found, Policy) else None
    kind = found.kind if isinstance(found, Manifest) else "EventTrackerPolicy" if isinstance(found, Policy) else None
    warnings = found.warnings if isinstance(found, Manifest) else ()
    told = [msgspec.to_builtins(problem)] if problem else [], msgspec.to_builtins(warnings)
    problems, doubts = told if places else map(_unplaced, told)
    return {"valid": problem is None, "kind": kind, "problems": list(problems), "warnings": list(doubts)}


def prefers(accept: str, one: Collection[str], other: str) -> bool:
    """Whether an `Accept` header prefers any of the media types `one` over `other` (RFC 9110, 12.5.1)."""
    named = dict(map(_weighted, accept.lower().split(",")))
    return max(named.get(media, 0.0) for media in one) > named.get(other, 0.0)


def _weighted(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    weights = [text[2:] for text in parameters if text.startswith("q=")]
    try:
        return media, float(weights[0]) if weights else 1.0
    except ValueError:
        return media, 0.0


def _unplaced(problems: Sequence[dict[str, Any]]) -> tuple[dict[str, object], ...]:
    return tuple({**problem, "line": None, "column": None} for problem in problems)
