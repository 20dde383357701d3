"""Kubernetes objects as the plain JSON documents that travel between client and server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]


def lookup(document: Document | None, *path: str, default: Any = None) -> Any:
    """Return what stands at `path`, or `default` where the path ends early or at null."""
    found: Any = document
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return default if found is None else found


def without_nulls(value: Any) -> Any:
    """Drop members that are null, as the API server's typed decoding does."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def pick(document: Document, *paths: str) -> tuple[Any, ...]:
    """Return the members at dotted `paths`, an absent one like an empty one, to compare two documents by."""
    return tuple(lookup(document, *path.split(".")) or None for path in paths)


def second(moment: datetime | None = None) -> str:
    """Format a moment, now if none is given, as object metadata does: RFC 3339 in whole seconds."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def microsecond() -> str:
    """Format now as audit events do: RFC 3339 with six decimals."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
