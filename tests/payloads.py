"""Payloads with one field wrong, and what a receiver is to make of any payload, said anew."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import msgspec

from shared.model.deliveries import Ignored, Pull, Push

SEED = int(os.environ["SEED"])
"""What this run draws by, another one in each run unless the environment gives it; all workers draw the same."""

Outcome = Push | Pull | type[Ignored] | None
"""The hint to be read, or that it is ignored; None where the body is not what its event is."""

ACTIONS = {
    *("opened", "synchronize", "synchronized", "reopened", "closed", "edited"),
    *("ready_for_review", "converted_to_draft"),
}
MERGE_ACTIONS = {"open", "update", "reopen", "close", "merge"}
DELETED = object()
WRONG: tuple[Any, ...] = (DELETED, None, "x", 7, [{"a": []}], {"a": [None]}, True)
"""What each field is replaced by, in turn."""

_INT64 = (1 << 63) - 1


def mutants(payload: Any, chance: float = 1.0, draw: random.Random | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield a payload with every single field deleted, nulled and retyped in turn; of places only a share at random.

    The payload is changed in place and mended again, so that thousands of them cost little.
    """
    for place, parent, key in _places(payload):
        if draw is None or draw.random() < chance:
            for value in WRONG:
                yield f"{place}: {value!r}"[:200], _with(payload, parent, key, value)


def _places(value: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    inner: dict[Any, Any] = value if isinstance(value, dict) else dict(enumerate(value)) if _is_list(value) else {}
    found = [(f"{at}/{key}", value, key) for key in inner]
    return [*found, *(place for key, child in inner.items() for place in _places(child, f"{at}/{key}"))]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _with(payload: Any, parent: Any, key: Any, value: Any) -> bytes:
    """Encode the payload with one field wrong, then put it back where it was."""
    was = parent[key]
    if value is DELETED:
        del parent[key]
    else:
        parent[key] = value
    body = msgspec.json.encode(payload)
    if value is DELETED and _is_list(parent):
        parent.insert(key, was)
    else:
        parent[key] = was
    return body


def expected(speaker: str, event: str, delivery: str, payload: Any) -> Outcome:
    """Return what this payload of this event means, as plainly as it can be said."""
    if event == {"github": "push", "gitlab": "Push Hook", "git": ""}[speaker]:
        return _push(speaker, delivery, payload)
    if (speaker, event) == ("github", "pull_request"):
        return _pull(delivery, payload)
    if (speaker, event) == ("gitlab", "Merge Request Hook"):
        return _merge(delivery, payload)
    return Ignored


def _push(speaker: Any, delivery: str, payload: Any) -> Outcome:
    if not isinstance(payload, dict):
        return None
    ref: Any
    ref, before, after = payload.get("ref"), payload.get("before", ""), payload.get("after", "")
    sound = _text(ref, 1024) and _text(before, 64) and _text(after, 64)
    return Push(delivery, ref, before, after, speaker) if sound else None


def _pull(delivery: str, payload: Any) -> Outcome:
    action, number = _at(payload, "action"), _at(payload, "number")
    head, target = _at(payload, "pull_request", "head", "sha"), _at(payload, "pull_request", "base", "ref")
    if not (_text(action, 64) and _number(number) and _text(head, 64) and _text(target, 1024)):
        return None
    return Pull(delivery, number, action, head, target, "github") if action in ACTIONS else Ignored


def _merge(delivery: str, payload: Any) -> Outcome:
    said = _at(payload, "object_attributes")
    number, target, action = _at(said, "iid"), _at(said, "target_branch"), _at(said, "action") or ""
    head = _at(said, "last_commit", "id") if _at(said, "last_commit") is not None else ""
    if not (_number(number) and _text(target, 1024) and _text(action, 64) and _text(head, 64)):
        return None
    return Pull(delivery, number, action, head, target, "gitlab") if action in MERGE_ACTIONS else Ignored


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any, limit: int) -> bool:
    return isinstance(value, str) and len(value) <= limit


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _INT64
